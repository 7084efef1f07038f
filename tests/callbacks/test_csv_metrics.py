import csv
import errno
from pathlib import Path
from typing import Any

import pytest

from gpt_toolkit.callbacks import MetricsFile


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_step_has_one_row_that_grows(tmp_path: Path) -> None:
    log = MetricsFile(tmp_path / "run")
    log.log_metrics({"loss": 3.5, "lr": 0.1}, 1)
    log.log_metrics({"loss": 3.0}, 2)
    log.log_metrics({"lr": 0.2}, 2)
    assert rows(tmp_path / "run") == [
        {"step": "1", "loss": "3.5", "lr": "0.1"},
        {"step": "2", "loss": "3.0", "lr": "0.2"},
    ]
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["metrics.csv"]


def test_a_new_name_becomes_a_column_and_earlier_rows_stay_empty_there(tmp_path: Path) -> None:
    log = MetricsFile(tmp_path)
    log.log_metrics({"loss": 3.0}, 1)
    log.log_metrics({"loss": 2.0, "epoch": 0.0}, 2)
    log.log_metrics({"val_loss": 2.5}, 2)
    log.log_metrics({"loss": 1.0}, 3)
    assert rows(tmp_path) == [
        {"step": "1", "loss": "3.0", "val_loss": ""},
        {"step": "2", "loss": "2.0", "val_loss": "2.5"},
        {"step": "3", "loss": "1.0", "val_loss": ""},
    ]


def test_the_file_can_be_read_after_every_call(tmp_path: Path) -> None:
    log = MetricsFile(tmp_path)
    for step in range(1, 30):
        log.log_metrics({"loss": 1 / step}, step)
        log.log_metrics({f"extra_{step // 10}": 1.0}, step)
        assert [int(row["step"]) for row in rows(tmp_path)] == list(range(1, step + 1))


def test_only_the_newest_row_is_in_memory(tmp_path: Path) -> None:
    log = MetricsFile(tmp_path)
    for step in range(100):
        log.log_metrics({"loss": 0.5}, step)
    held: list[Any] = [value for value in vars(log).values() if isinstance(value, list | dict)]
    assert sum(map(len, held)) == 4  # two columns, and the two values of one row


def test_nothing_but_an_epoch_is_no_row(tmp_path: Path) -> None:
    MetricsFile(tmp_path).log_metrics({"epoch": 1.0}, 1)
    assert not (tmp_path / "metrics.csv").exists()


def test_a_resumed_run_drops_the_rows_of_the_part_that_was_lost(tmp_path: Path) -> None:
    first = MetricsFile(tmp_path)
    for step in (1, 2, 3, 4):
        first.log_metrics({"loss": float(step)}, step)
    second = MetricsFile(tmp_path, resume_step=2)
    second.log_metrics({"loss": 30.0, "val_loss": 1.0}, 3)
    assert rows(tmp_path) == [
        {"step": "1", "loss": "1.0", "val_loss": ""},
        {"step": "2", "loss": "2.0", "val_loss": ""},
        {"step": "3", "loss": "30.0", "val_loss": "1.0"},
    ]


def test_a_resumed_run_continues_the_row_of_its_step(tmp_path: Path) -> None:
    first = MetricsFile(tmp_path)
    for step in (1, 2, 3):
        first.log_metrics({"loss": float(step)}, step)
    for _ in range(2):  # killed and resumed again
        second = MetricsFile(tmp_path, resume_step=2)
        second.log_metrics({"val_loss": 1.0}, 2)
        second.log_metrics({"val_score": 0.5}, 2)
    second.log_metrics({"loss": 30.0}, 3)
    assert rows(tmp_path) == [
        {"step": "1", "loss": "1.0", "val_loss": "", "val_score": ""},
        {"step": "2", "loss": "2.0", "val_loss": "1.0", "val_score": "0.5"},
        {"step": "3", "loss": "30.0", "val_loss": "", "val_score": ""},
    ]


def test_a_run_from_the_beginning_begins_a_new_file(tmp_path: Path) -> None:
    MetricsFile(tmp_path).log_metrics({"old": 1.0}, 7)
    MetricsFile(tmp_path).log_metrics({"loss": 1.0}, 1)
    assert rows(tmp_path) == [{"step": "1", "loss": "1.0"}]


def test_a_full_disk_is_said_with_the_files_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = MetricsFile(tmp_path)
    log.log_metrics({"loss": 1.0}, 1)

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(csv.DictWriter, "writerow", full)
    with pytest.raises(
        OSError, match=r"could not write .*metrics\.csv \(No space left on device; .* MB are free"
    ):
        log.log_metrics({"loss": 1.0}, 2)


@pytest.mark.parametrize("cut", ["4,1.5,0.1,,9\r\n", "4,1.5,0.1,2\r\n", "4,1.5,0.1,2.5,9,,9\r\n"])
def test_a_validation_that_is_repeated_completes_the_row_of_its_step(cut: str, tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_bytes(b"step,train_loss,lr,val_loss,speed\r\n3,1.6,0.2,,8\r\n" + cut.encode())
    metrics = MetricsFile(tmp_path, resume_step=4)
    metrics.log_metrics({"val_loss": 2.5}, 4)
    metrics.log_metrics({"train_loss": 1.4, "lr": 0.05}, 5)
    assert [(row["step"], row["train_loss"], row["val_loss"]) for row in rows(tmp_path)] == [
        ("3", "1.6", ""),
        ("4", "1.5", "2.5"),
        ("5", "1.4", ""),
    ]
