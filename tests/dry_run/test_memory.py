"""Memory of a step: the count compared with torch's profiler, the forecast compared with the count."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.dry_run.memory import LiveBytes, StepMemory, forecast_step, measure_step, size
from gpt_toolkit.losses import linear_cross_entropy
from gpt_toolkit.optim import AdamW, Muon, OptimizerFactory

CONFIG = DecoderConfig(n_layer=4, n_head=2, n_embd=64, n_ctx=64, vocab_size=300, attn_pdrop=0.0)
OPTIMIZERS = pytest.mark.parametrize("factory", [AdamW(lr=0.01), Muon(lr=0.01, adamw_lr=0.01)])


def one_step(
    decoder: Decoder, factory: OptimizerFactory, dtype: torch.dtype = torch.float32
) -> tuple[Any, Callable[[], None]]:
    """Return an optimizer with its state, and a function that trains a step on 8 sequences."""
    optimizer = factory.build(decoder)
    ids = torch.randint(300, (8, 64), generator=torch.Generator().manual_seed(0))

    def step() -> None:
        with torch.autocast("cpu", dtype) if dtype.itemsize == 2 else nullcontext():
            loss = linear_cross_entropy(decoder(ids), decoder.wte.weight, ids)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()

    step()
    return optimizer, step


def test_live_bytes_follow_tensors_that_come_and_go() -> None:
    held = torch.ones(100)
    with LiveBytes([held]) as counter:
        assert counter.live == 400
        view = held[10:]
        more = held + 1
        assert counter.live == 800
        twice = view * 2
        assert counter.live == 1160
        del more
        assert counter.live == 760
        twice.mul_(3)
        del held, view
    assert (counter.live, counter.peak) == (360, 1160)


@OPTIMIZERS
def test_a_measured_step_is_within_15_percent_of_the_profiler(factory: OptimizerFactory) -> None:
    decoder = Decoder(CONFIG)
    optimizer, step = one_step(decoder, factory)
    memory = measure_step(decoder, optimizer, step)
    n_bytes = 4 * CONFIG.n_params
    assert (memory.weights, memory.gradients) == (n_bytes, n_bytes)
    states = [v for state in optimizer.state.values() for v in state.values()]
    assert memory.optimizer == sum(value.nbytes for value in states)
    cpu = torch.profiler.ProfilerActivity.CPU
    with torch.profiler.profile(activities=[cpu], profile_memory=True) as profiler:
        step()
    alive = np.cumsum(
        [e.nbytes() for e in profiler.profiler.kineto_results.events() if e.name() == "[memory]"]
    )
    profiled = memory.weights + memory.optimizer + int(alive.max())
    assert memory.total == pytest.approx(profiled, rel=0.15)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@OPTIMIZERS
def test_a_forecast_is_what_a_step_needs(factory: OptimizerFactory, dtype: torch.dtype) -> None:
    decoder = Decoder(CONFIG)
    memory = measure_step(decoder, *one_step(decoder, factory, dtype))
    forecast = forecast_step(CONFIG, factory, 8, 64, dtype)
    assert (forecast.weights, forecast.gradients) == (memory.weights, memory.gradients)
    assert forecast.optimizer == memory.optimizer
    assert forecast.activations == pytest.approx(memory.activations, rel=0.01)


def test_a_forecast_takes_no_memory() -> None:
    config = DecoderConfig(n_layer=48, n_head=25, n_embd=5000, n_ctx=1024, vocab_size=50257)
    forecast = forecast_step(config, AdamW(lr=0.01), 1, 1024, torch.float32)
    assert forecast.weights == 4 * config.n_params
    assert forecast.total > 4 * 4 * config.n_params > 2e11
    assert not forecast.fits(2 * 10**11)


@pytest.mark.parametrize(("free", "fits"), [(363, False), (364, True), (None, True)])
def test_a_step_fits_into_nine_tenths_of_the_free_memory(free: int | None, fits: bool) -> None:
    assert StepMemory(80, 80, 160, 7).fits(free) is fits


def test_devices_divide_what_the_strategy_divides() -> None:
    memory = StepMemory(80, 80, 160, 7)
    assert memory.total == 327
    assert memory.per_device("ddp", 1) == memory
    assert memory.per_device("ddp", 4) == StepMemory(80, 160, 160, 7)
    for strategy in ("fsdp", "FSDPStrategy", "ModelParallelStrategy"):
        assert memory.per_device(strategy, 4) == StepMemory(20, 20, 40, 7)
    assert memory.per_device("DeepSpeedStrategy", 4) == StepMemory(80, 20, 40, 7)


def test_sizes_are_readable() -> None:
    assert (size(1_540_000_000), size(23_000_000)) == ("1.54 GB", "23.0 MB")
