import math
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger

from gpt_toolkit.backbone import DecoderConfig
from gpt_toolkit.callbacks import Throughput
from gpt_toolkit.callbacks import throughput as module
from gpt_toolkit.data.step_loader import BatchLoader
from tests.small_runs import Run


class Times(Callback):
    """A clock that moves by given seconds in each micro-batch, an hour in validation; two cores work."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seconds: list[float]) -> None:
        self.now, self.seconds = 0.0, iter(seconds)
        monkeypatch.setattr("gpt_toolkit.callbacks.throughput.time.perf_counter", lambda: self.now)
        monkeypatch.setattr("gpt_toolkit.callbacks.throughput.time.process_time", lambda: 2 * self.now)

    def on_train_batch_end(self, *_: Any) -> None:
        self.now += next(self.seconds)

    def on_validation_batch_end(self, *_: Any) -> None:
        self.now += 3600


class Kept(Logger):
    """Logger that stores metrics by step."""

    name = version = None

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[int, dict[str, float]] = {}

    def log_hyperparams(self, *_: Any, **__: Any) -> None:
        pass

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        self.rows.setdefault(step or 0, {}).update(metrics)


def test_what_is_logged_follows_from_work_operations_and_time(
    fit: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "peak_flops", lambda *_: 1e9)
    monkeypatch.setattr(module, "peak_memory", lambda _: 2.0**31)
    logger = Kept()
    # validation comes in the middle of the second step, and after the fourth
    fit(
        callbacks=[Throughput(), Times(monkeypatch, [1, 1, 1, 2, 1, 1, 2, 3])],
        logger=logger,
        max_steps=4,
        batch_size=8,
        accumulate=2,
        log_every_n_steps=2,
        val_check_interval=3,
        check_val_every_n_epoch=None,
        limit_val_batches=1,
    )
    config = DecoderConfig(vocab_size=257, n_ctx=32, n_layer=2, n_head=2, n_embd=16)
    for step, seconds, half, most in ((2, 5, 2.5, 2.95), (4, 7, 3.5, 4.85)):
        row = logger.rows[step]
        assert row["tokens_per_second"] == pytest.approx(2 * 16 * 32 / seconds)
        assert row["flops_per_second"] == pytest.approx(2 * 16 * 32 * config.flops_per_token / seconds)
        assert row["utilization"] == pytest.approx(row["flops_per_second"] / 1e9)
        assert row["step_seconds_p50"] == pytest.approx(half)
        assert row["step_seconds_p95"] == pytest.approx(most)
        assert row["cpu_seconds"] == pytest.approx(2 * seconds)
        assert row["data_wait"] == 0.0
        assert row["peak_memory_gib"] == 2.0
    assert "tokens_per_second" not in logger.rows.get(3, {})


def test_waiting_for_batches_is_its_share_of_the_time(fit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    times = Times(monkeypatch, [1.0] * 8)
    iterate = BatchLoader.__base__.__iter__  # type: ignore[union-attr]

    def slowly(loader: Any) -> Any:
        for batch in iterate(loader):
            times.now += 3.0
            yield batch

    monkeypatch.setattr(BatchLoader.__base__, "__iter__", slowly)
    measured = Throughput()
    fit(callbacks=[measured, times], limit_val_batches=0)
    assert measured.overall["data_wait"] == pytest.approx(0.75, abs=0.05)


def test_a_gpus_steps_are_timed_on_the_gpu_and_read_when_the_loss_is(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[Any] = []

    class Event:
        def __init__(self, *, enable_timing: bool) -> None:
            assert enable_timing
            self.waited = False
            events.append(self)

        def record(self) -> None:
            self.at = float(len(events))

        def synchronize(self) -> None:
            self.waited = True

        def elapsed_time(self, other: "Event") -> float:
            return 1000 * (other.at - self.at)

    monkeypatch.setattr(torch.cuda, "Event", Event)
    first, second, third = (module.time_on(torch.device("cuda")) for _ in range(3))
    assert not any(event.waited for event in events)
    assert module.seconds(first, third) == 2.0
    assert (first.waited, second.waited, third.waited) == (False, False, True)


def test_what_is_not_known_is_left_out(fit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "peak_flops", lambda *_: math.nan)
    measured = Throughput()
    fit(callbacks=[measured], max_steps=2)
    assert "utilization" not in measured.overall
    assert measured.overall["tokens_per_second"] > 0
