"""Benchmarks of a model for which none are named: its own held-out text, Storyworld's, or files in a root."""

import shutil
from pathlib import Path

import pytest

from gpt_toolkit.checkpoints import open_model
from gpt_toolkit.evaluation.choose_benchmarks import Choice, choose_benchmarks
from gpt_toolkit.evaluation.held_out_text import read_held_out
from tests.commands import Tell, place, tell
from tests.small_runs import TEXT

__all__ = ["place", "tell"]  # fixtures


def choice(source: str, root: str | None = None) -> Choice:
    read_held_out.cache_clear()
    return choose_benchmarks(source, open_model(source), root)


def test_benchmarks_follow_from_the_run_and_the_root(tell: Tell, place: Path) -> None:
    fit = ("fit", "--config", "tiny.yaml", "--trainer.max_steps", "1", "--samples.max_new_tokens", "0")
    assert tell(*fit).code == 0
    for source in ("runs/tiny", "runs/tiny/model", "runs/tiny/checkpoints/last.ckpt"):
        names, reason = choice(source)
        assert [Path(names[0].removeprefix("held_out:")).absolute()] == [place / "runs" / "tiny"]
        assert reason == "the run's held-out text"
    [document] = read_held_out(Path("runs/tiny")).items
    assert TEXT.endswith(document.text)
    assert 0.05 < len(document.text) / len(TEXT) < 0.15  # val_fraction is 0.1
    said = tell("zero-shot", "runs/tiny/model", "--output", "t.json")
    assert said.code == 0, said.err
    assert "benchmarks: held_out:" in said.err.splitlines()[0]
    assert "the run's held-out text" in said.err.splitlines()[0]
    assert "lm-eval-1" in said.out
    assert "hf-strided-1" in said.out

    shutil.copytree("runs/tiny/model", "moved")
    assert choice("moved") == (["storyworld"], "built in; --root DIR finds files of published benchmarks")

    Path("root", "lambada").mkdir(parents=True)
    Path("root", "lambada", "lambada_test.jsonl").write_text('{"text": "one two"}\n')
    assert choice("runs/tiny", "root") == (["lambada"], "files in root")
    with pytest.raises(FileNotFoundError, match="--root runs: no file of a benchmark found"):
        choice("moved", "runs")

    config = Path("runs/tiny/config.yaml")
    written = config.read_text()
    Path("corpus.txt").unlink()
    shutil.rmtree(place.parent / "cache")
    names, reason = choice("runs/tiny")
    assert names == ["storyworld"]
    assert "corpus.txt" in reason
    config.write_text(written.replace("dataset: null", "dataset: storyworld:1"))
    assert choice("runs/tiny") == (["storyworld"], "the model was trained on Storyworld")
