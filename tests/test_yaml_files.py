"""YAML files with bounds; equal to PyYAML within them."""

import json
from pathlib import Path

import pytest
import yaml

from gpt_toolkit.yaml_files import MAX_DEPTH, MAX_SIZE, check_yaml, read_yaml

BOMB = "- &a0 [x, x]\n" + "".join(f"- &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 30))
SHIPPED = sorted(Path(__file__).parents[1].glob("gpt_toolkit/**/*.yaml")) + sorted(
    Path(__file__).parents[1].glob("configs/**/*.yaml")
)


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_values_are_those_of_pyyaml(path: Path) -> None:
    assert read_yaml(path) == yaml.safe_load(path.read_text(encoding="utf-8"))


def test_aliases_and_merge_keys_work(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("base: &b {lr: 0.1, betas: [0.9, 0.95]}\none: {<<: *b, lr: 0.2}\ntwo: [*b, *b]\n")
    content = read_yaml(path)
    assert content["one"] == {"lr": 0.2, "betas": [0.9, 0.95]}
    assert content["two"] == [content["base"]] * 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, r":\d+: invalid YAML: more than 1,048,576 characters with its aliases; use fewer"),
        (f"a: {json.dumps(BOMB)}", r":1: invalid YAML: a text in it has more than 1,048,576 characters"),
        (f"a: &a {'x' * 100_000}\nb: [{'*a, ' * 20}]", r":2: invalid YAML: more than 1,048,576 characters"),
        ("a: &a [*a]", r":1: invalid YAML: alias \*a before the end of its anchor"),
        ("a: *b", r":1: invalid YAML: alias \*b before"),
        (nested(MAX_DEPTH), r":1: invalid YAML: more than 64 levels; nest fewer"),
        ("[" * 100_000, r":1: invalid YAML: more than 64 levels; nest fewer"),
        (f"a: '{nested(500)}'", r":1: invalid YAML: a text in it has more than 64 levels"),
        (
            "- &a0 []\n" + "".join(f"- &a{i} [*a{i - 1}]\n" for i in range(1, 70)),
            r":6\d: invalid YAML: more than 64 levels with its aliases",
        ),
        ("x: y\n" * (MAX_SIZE // 5 + 1), r": longer than 1,048,576 bytes; expected YAML settings"),
        ("a:\n  b: [1", r":\d: invalid YAML: did not find expected"),
        ("a: !!int ''", ": invalid YAML: string index out of range"),
        ("a: 2001-99-99", ": invalid YAML: month must be in 1..12"),
        (f"a: {'9' * 5000}", ": invalid YAML: Exceeds the limit"),
        ("a: !!python/object/apply:os.getcwd []", ":1: invalid YAML: could not determine a constructor"),
    ],
    ids=range(15),
)
def test_what_is_not_plain_yaml_is_refused_with_its_place(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"^{path}{message}") as raised:
        read_yaml(path)
    assert "\n" not in str(raised.value)


def test_a_byte_that_is_not_utf8_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\nb: \xc3\xa9\n")  # with a byte-order mark, as Windows writes it
    assert read_yaml(path) == {"a": 1, "b": "é"}
    path.write_bytes(b"a: 1\nb: \xe9\n")
    with pytest.raises(ValueError, match=rf"^{path}:2: invalid YAML: byte 0xe9; expected UTF-8"):
        read_yaml(path)


def test_an_ordinary_long_text_is_not_yaml_and_passes() -> None:
    for text in (f"[ {'word ' * 100}", "* item & more: [x" * 20, "tab\t" * 50, nested(MAX_DEPTH - 1)):
        check_yaml(json.dumps({"prompt": text}))
