"""Messages name the option that was typed, and the file that was meant."""

from pathlib import Path

import pytest

from gpt_toolkit.cli.typed_options import name_options, typed_options


def test_options_are_read_with_their_values() -> None:
    arguments = ["--config", "a", "--data.seed=3", "--no_check_files", "--x", "-1"]
    assert list(typed_options(arguments)) == [
        *(("--config", "a"), ("--data.seed", "3"), ("--no_check_files", ""), ("--x", "-1")),
    ]


@pytest.mark.parametrize(
    ("message", "arguments", "named"),
    [
        ("data.n_ctx: expected int, got 'a'", ["--data.n_ctx", "a"], "--data.n_ctx: expected int, got 'a'"),
        ("data.n_ctx: expected int, got 'a'", ["--config", "x.yaml"], "data.n_ctx: expected int, got 'a'"),
        ("Corpus: n_ctx is -3", ["--data.n_ctx", "-3"], "--data.n_ctx: n_ctx is -3"),
        ("n_ctx is -3", ["--data.n_ctx=5"], "n_ctx is -3"),
        ("n_ctx is 35", ["--data.n_ctx=3"], "n_ctx is 35"),
        (
            "no option lr: did you mean a.lr or b.lr?",
            ["--lr", "1"],
            "no option --lr: did you mean --a.lr or --b.lr?",
        ),
        ("--ckpt_path best: no run", ["--ckpt_path", "best"], "--ckpt_path best: no run"),
        ("out/x.json: no such folder", ["--output", "out/x.json"], "--output: out/x.json: no such folder"),
        ("a.yaml:3: invalid YAML", ["--config", "a.yaml"], "a.yaml:3: invalid YAML"),
        ("out of memory", ["--trainer.max_steps", "5"], "out of memory"),
    ],
)
def test_a_message_names_what_was_typed(message: str, arguments: list[str], named: str) -> None:
    assert name_options(message, arguments) == named


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("novell.txt", "novel.txt"),
        ("runs/own/config.yml", "runs/own/config.yaml"),
        ("runs/onw/config.yaml", "runs/own/config.yaml"),
        ("rnus/own/config.yaml", "runs/own/config.yaml"),
        ("runs/own/other.bin", None),
        ("runs/onw/other.bin", None),
    ],
)
def test_a_missing_file_is_answered_with_the_nearest(
    typed: str, meant: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("runs/own").mkdir(parents=True)
    for name in ("novel.txt", "runs/own/config.yaml"):
        Path(name).touch()
    hint = f" (did you mean {Path(meant)}?)" if meant else ""
    assert name_options(f"{typed}: file not found", [typed]) == f"{typed}: file not found{hint}"
    assert name_options(f"{typed}: not UTF-8", [typed]) == f"{typed}: not UTF-8"
