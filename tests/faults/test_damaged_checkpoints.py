"""Checkpoints with changed bytes are named and not used; the one before is taken."""

import random
import re
import tempfile
from pathlib import Path

import pytest
from filelock import FileLock

from gpt_toolkit.callbacks import CheckpointWriter
from gpt_toolkit.callbacks.checkpoint_io import CheckpointFileIO
from gpt_toolkit.checkpoints.torch_pickle import _verify_archive
from tests.commands import Tell, assert_refused, metrics
from tests.faults.killed_runs import are_equal
from tests.small_runs import Run

RUN = ("--config", "tiny.yaml", "--checkpoints.keep_every_n_steps", 3)
CHECKPOINTS = Path("runs/tiny/checkpoints")


@pytest.mark.parametrize("n", [400, pytest.param(10_000, marks=pytest.mark.slow)])
def test_a_changed_byte_is_named_or_changes_nothing(n: int, fit: Run, tmp_path: Path) -> None:
    fit(callbacks=[CheckpointWriter()], enable_checkpointing=True, max_steps=2)
    path = tmp_path / "run" / "checkpoints" / "last.ckpt"
    reader, whole = CheckpointFileIO(), path.read_bytes()
    expected = reader.load_checkpoint(path)
    draw, refused = random.Random(0), 0
    for _ in range(n):
        changed = bytearray(whole)
        kind = draw.randrange(4)
        place = draw.randrange(len(whole))
        if kind == 0:
            changed[place] ^= 1 << draw.randrange(8)
        elif kind == 1:
            changed[place : place + draw.randrange(1, 200)] = draw.randbytes(draw.randrange(1, 200))
        elif kind == 2:
            del changed[place:]
        else:
            del changed[place : place + draw.randrange(1, 200)]
        path.write_bytes(changed)
        _verify_archive.cache_clear()  # writes follow one another faster than a file's time changes
        try:
            content, message = reader.load_checkpoint(path), ""
        except ValueError as error:
            content, message = None, str(error)
        if content is None:
            assert str(path) in message
            assert "\n" not in message
            refused += 1
        else:
            assert are_equal(content, expected)
    assert refused > 0.9 * n


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "text"])
def test_the_checkpoint_before_a_damaged_last_one_is_taken(damage: str, tell: Tell) -> None:
    assert tell("fit", *RUN).code == 0
    whole = metrics("runs/tiny")
    last = CHECKPOINTS / "last.ckpt"
    content = bytearray(last.read_bytes())
    content[len(content) // 2] ^= 1
    damaged: dict[str, bytes | bytearray] = {
        "flip": content,
        "cut": content[: len(content) // 2],
        "empty": b"",
        "text": b"hello",
    }
    last.write_bytes(damaged[damage])
    (CHECKPOINTS / "best.ckpt").write_bytes(b"")
    said = tell("fit", *RUN, "--ckpt_path", "last")
    assert said.code == 0
    assert re.search(r"last\.ckpt: damaged .*; taking \S+step-0000006\.ckpt \(step 6\)", said.err)
    same = ("step", "train_loss", "val_loss", "lr")
    assert [[row[name] for name in same] for row in metrics("runs/tiny")] == [
        [row[name] for name in same] for row in whole
    ]


def test_a_run_whose_checkpoints_are_all_damaged_is_refused_in_one_line(tell: Tell) -> None:
    assert tell("fit", *RUN).code == 0
    for path in CHECKPOINTS.glob("*.ckpt"):
        path.write_bytes(path.read_bytes()[:-100])
    assert_refused(tell("fit", *RUN, "--ckpt_path", "last"), "last.ckpt: damaged", code=1)
    best = str(CHECKPOINTS / "best.ckpt")
    assert_refused(tell("validate", *RUN, "--ckpt_path", best), "best.ckpt", code=1)


def test_checkpoints_are_written_without_the_temporary_folder_of_the_system(
    tell: Tell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))
    assert tell("fit", *RUN).code == 0


def contents() -> dict[Path, bytes]:
    """Return the files of the run, without those that TensorBoard begins for each process."""
    files = [path for path in Path("runs/tiny").rglob("*") if path.is_file()]
    return {path: path.read_bytes() for path in files if "tensorboard" not in path.parts}


def test_a_second_run_in_the_same_folder_is_refused_and_changes_nothing(tell: Tell) -> None:
    assert tell("fit", *RUN).code == 0
    files = contents()
    with FileLock("runs/tiny/run.lock"):
        said = tell("fit", *RUN, "--ckpt_path", "last", "--trainer.max_steps", 12)
    assert_refused(said, "runs/tiny: used by another process that trains", code=1)
    assert contents() == files
    assert tell("fit", *RUN, "--ckpt_path", "last", "--trainer.max_steps", 12).code == 0
