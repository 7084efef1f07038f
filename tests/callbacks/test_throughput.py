import math
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger

from gpt_toolkit.backbone import DecoderConfig
from gpt_toolkit.callbacks import Throughput
from gpt_toolkit.callbacks import throughput as module
from gpt_toolkit.data.loading import BatchLoader
from tests.tasks.conftest import Run


class Times(Callback):
    """A clock that moves by so many seconds in each micro-batch, and by an hour in validation."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seconds: list[float]) -> None:
        self.now, self.seconds = 0.0, iter(seconds)
        monkeypatch.setattr("gpt_toolkit.callbacks.throughput.time.perf_counter", lambda: self.now)

    def on_train_batch_end(self, *_: Any) -> None:
        self.now += next(self.seconds)

    def on_validation_batch_end(self, *_: Any) -> None:
        self.now += 3600


class Kept(Logger):
    """Keeps what is logged, by step."""

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
    monkeypatch.setattr(module, "device_peak", lambda *_: 1e9)
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
    first, second, third = (module.mark(torch.device("cuda")) for _ in range(3))
    assert not any(event.waited for event in events)
    assert module.seconds(first, third) == 2.0
    assert (first.waited, second.waited, third.waited) == (False, False, True)


@pytest.mark.parametrize(
    ("name", "dtype", "peak"),
    [
        ("NVIDIA H100 80GB HBM3", torch.bfloat16, 989.4e12),
        ("NVIDIA H100 PCIe", torch.bfloat16, 756e12),
        ("NVIDIA H200", torch.float32, 494.7e12),
        ("NVIDIA A100-SXM4-40GB", torch.bfloat16, 312e12),
        ("NVIDIA A10", torch.bfloat16, 125e12),
        ("NVIDIA GeForce RTX 4090", torch.bfloat16, 165.2e12),
        ("NVIDIA L4", torch.bfloat16, 121e12),
        ("NVIDIA L40S", torch.bfloat16, 362e12),
        ("Tesla V100-SXM2-16GB", torch.float32, 15.7e12),
        ("Tesla T4", torch.float16, 65e12),
    ],
)
def test_a_gpus_peak_is_that_of_its_data_sheet(name: str, dtype: torch.dtype, peak: float) -> None:
    assert module.gpu_peak(name, dtype) == peak


def test_what_is_not_known_is_left_out(fit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert math.isnan(module.gpu_peak("Some GPU", torch.bfloat16))
    assert math.isnan(module.device_peak(torch.device("mps"), torch.float32))
    monkeypatch.setattr(module, "device_peak", lambda *_: math.nan)
    measured = Throughput()
    fit(callbacks=[measured], max_steps=2)
    assert "utilization" not in measured.overall
    assert measured.overall["tokens_per_second"] > 0


def test_a_cpus_peak_is_measured_once() -> None:
    module._cpu_peak.cache_clear()  # of what tests with a clock of their own have left
    peak = module.device_peak(torch.device("cpu"), torch.float32)
    assert 1e8 < peak < 1e14
    assert module.device_peak(torch.device("cpu"), torch.float32) == peak


@pytest.mark.parametrize(
    ("precision", "dtype"),
    [
        ("32-true", torch.float32),
        ("bf16-mixed", torch.bfloat16),
        ("bf16-true", torch.bfloat16),
        ("16-mixed", torch.float16),
        ("64-true", torch.float64),
    ],
)
def test_products_are_computed_in_what_the_precision_says(precision: str, dtype: torch.dtype) -> None:
    assert module.compute_dtype(precision) == dtype
