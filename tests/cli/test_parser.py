from pathlib import Path

import pytest
import yaml

from gpt_toolkit.cli.parser import protect_paths

NAMES = [
    *("Chapter 1: The Start.txt", "Q: final.csv", "[1].txt", "{a}.csv", "# 1.txt", "a #2.txt", "2020", "yes"),
    *("null", "'a.txt", '"b".csv', "- a.txt", "ä: ö.txt", "!x.txt", "&a.txt", "*.txt", "a: [b.txt"),
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("option", ["--data.files", "--data.val_files", "--data.init_args.sets"])
def test_an_existing_file_of_any_name_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, option: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).touch()
    for arguments in ([option, name], [f"{option}={name}"], [f"{option}+={name}"], ["--x", option, name]):
        protected = protect_paths(arguments)
        value = protected[-1].removeprefix(f"{option}+=").removeprefix(f"{option}=")
        assert yaml.safe_load(value) in (name, [name])
        assert protect_paths(protected) == protected


@pytest.mark.parametrize(
    "value", ["a.txt", "{name: x, train: a.csv}", "[a.txt, b.txt]", "null", "train: a.csv\nlabels: [a, b]"]
)
def test_yaml_and_plain_names_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.txt").touch()
    assert protect_paths(["--data.sets", value]) == ["--data.sets", value]


def test_options_that_name_no_files_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("5").mkdir()
    arguments = ["--trainer.max_steps", "5", "--data.files"]
    assert protect_paths(arguments) == arguments
