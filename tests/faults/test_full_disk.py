"""A disk that takes no more bytes: one line names the file, and the file from before is unchanged."""

import contextlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import Said, Tell

resource = pytest.importorskip("resource")  # not on Windows

RUN = ("--config", "tiny.yaml", "--trainer.logger", "false")


@contextlib.contextmanager
def no_file_larger_than(n_bytes: int) -> Iterator[None]:
    """Let writes past a size fail, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def files(folder: Path) -> dict[Path, bytes]:
    return {
        path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"
    }


def assert_named(said: Said, path: str) -> None:
    """Check that the last line names the file and what to do, and that it is not a traceback."""
    assert said.code == 1
    last = said.err.splitlines()[-1]
    assert re.match(
        rf"gpt-toolkit: (--output: )?could not write {path} \(.*; [\d,]+ MB are free there\): ", last
    ), said.err
    assert "Traceback" not in said.err


def test_a_checkpoint_that_does_not_fit_leaves_the_one_before(tell: Tell) -> None:
    assert tell("fit", *RUN, "--trainer.max_steps", 4).code == 0
    checkpoints = Path("runs/tiny/checkpoints")
    before = files(checkpoints)
    with no_file_larger_than(min(map(len, before.values())) // 2):
        said = tell("fit", *RUN, "--ckpt_path", "last")
    assert_named(said, r"runs/tiny/checkpoints/(best|last)\.ckpt")
    assert files(checkpoints) == before
    assert tell("fit", *RUN, "--ckpt_path", "last").code == 0


def test_metrics_that_do_not_fit_leave_the_rows_before(tell: Tell) -> None:
    run = ("--config", "tiny.yaml")
    assert tell("fit", *run, "--trainer.max_steps", 4).code == 0
    metrics = Path("runs/tiny/metrics.csv")
    header, *rows = metrics.read_text().splitlines(keepends=True)
    metrics.write_text("".join([header, *rows[:1] * 4_000, *rows]))  # longer than all other small files
    before = metrics.read_bytes()
    with no_file_larger_than(len(before) // 2):
        said = tell("fit", *run, "--ckpt_path", "last")
    assert_named(said, r"runs/tiny/metrics\.csv")
    assert metrics.read_bytes() == before


def test_token_shards_that_do_not_fit_are_written_by_the_next_call(tell: Tell, cache: Path) -> None:
    with no_file_larger_than(2_000):
        said = tell("prepare", "--config", "tiny.yaml")
    assert_named(said, rf"{re.escape(str(cache))}/tokens/\w+")
    assert tell("prepare", "--config", "tiny.yaml").code == 0
    assert tell("fit", *RUN).code == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes to folders that are read-only")
def test_a_read_only_folder_is_named_and_unchanged(tell: Tell) -> None:
    assert tell("fit", *RUN, "--trainer.max_steps", 4).code == 0
    run, checkpoints = Path("runs/tiny"), Path("runs/tiny/checkpoints")
    before = files(run)
    (run / "run.lock").unlink(missing_ok=True)
    for folder, verb, name in (
        (checkpoints, "fit", r"checkpoints/(best|last)\.ckpt"),
        (run, "fit", r"(run\.lock|config\.yaml)"),
        (run, "test", r"test\.json"),
    ):
        folder.chmod(0o555)
        try:
            assert_named(tell(verb, *RUN, "--ckpt_path", "last"), f"runs/tiny/{name}")
        finally:
            folder.chmod(0o755)
    unchanged = {path: content for path, content in before.items() if path.suffix == ".ckpt"}
    assert unchanged.items() <= files(run).items()


@pytest.mark.parametrize(("verb", "name"), [("test", "test.json"), ("predict", "predictions.jsonl")])
def test_results_that_do_not_fit_leave_those_before(verb: str, name: str, tell: Tell) -> None:
    assert tell("fit", *RUN).code == 0
    assert tell(verb, *RUN, "--ckpt_path", "last").code == 0
    before = files(Path("runs/tiny"))
    assert Path("runs/tiny", name) in before
    with no_file_larger_than(20):
        said = tell(verb, *RUN, "--ckpt_path", "best")
    assert_named(said, rf"runs/tiny/{name}")
    assert files(Path("runs/tiny")) == before


def test_scores_that_do_not_fit_leave_those_before(tell: Tell) -> None:
    assert tell("fit", *RUN).code == 0
    benchmarks = ("--benchmarks", "storyworld:last_word", "--limit", 2)
    command = ("zero-shot", "runs/tiny/model", *benchmarks, "--output", "scores.json")
    assert tell(*command).code == 0
    before = Path("scores.json").read_bytes()
    json.loads(before)
    with no_file_larger_than(20):
        said = tell(*command)
    assert_named(said, r"scores\.json")
    assert Path("scores.json").read_bytes() == before
