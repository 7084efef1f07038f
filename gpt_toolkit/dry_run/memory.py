"""Memory of a training step: counted on a real step, or forecast on tensors that hold no data."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.losses import linear_cross_entropy
from gpt_toolkit.optim import OptimizerFactory

USABLE_FRACTION = 0.9
"""Fraction of the free memory that a step may take; tuned here: other programs and fragments need some."""


@dataclass(frozen=True)
class StepMemory:
    """Bytes on one device at the peak of a step.

    Attributes:
        weights: Parameters and buffers.
        gradients: Gradients of the trained parameters.
        optimizer: State of the optimizer.
        activations: Everything else: what the backward pass needs, and workspace of loss and optimizer.
    """

    weights: int
    gradients: int
    optimizer: int
    activations: int

    @property
    def total(self) -> int:
        """Bytes at the peak."""
        return self.weights + self.gradients + self.optimizer + self.activations

    def fits(self, free: int | None) -> bool:
        """Return whether a device with this many free bytes can do the step; unknown counts as yes."""
        return free is None or self.total <= USABLE_FRACTION * free

    def per_device(self, strategy: str, n_devices: int) -> StepMemory:
        """Return the memory of each of several devices.

        Args:
            strategy: Name of the strategy or of its class. ``ddp`` holds a second copy of the gradients;
                DeepSpeed is taken to run at its stage 2.
            n_devices: Number of devices.
        """
        name = strategy.lower()
        if n_devices == 1:
            return self
        if name.startswith(("fsdp", "modelparallel")):
            divided = ["weights", "gradients", "optimizer"]
        elif name.startswith("deepspeed"):
            divided = ["gradients", "optimizer"]
        else:
            return replace(self, gradients=2 * self.gradients)
        return replace(self, **{part: -(-getattr(self, part) // n_devices) for part in divided})


def size(n_bytes: float) -> str:
    """Format a number of bytes: ``1.54 GB`` or ``23.0 MB``."""
    return f"{n_bytes / 1e9:,.2f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:,.1f} MB"


def measure_step(module: nn.Module, optimizer: torch.optim.Optimizer, step: Callable[[], None]) -> StepMemory:
    """Run a step and return its memory: by CUDA's allocator on a GPU, else by counting tensors.

    Args:
        module: All weights, without gradients.
        optimizer: Its state must exist from an earlier step.
        step: Runs forward pass, backward pass and update, and frees the gradients.
    """
    device = next(module.parameters()).device
    weights = [*module.parameters(), *module.buffers()]
    states = [value for value in tree_iter(list(optimizer.state.values())) if isinstance(value, Tensor)]
    gradients = storage_bytes(parameter for parameter in module.parameters() if parameter.requires_grad)
    parts = storage_bytes(weights), gradients, storage_bytes(states)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        step()
        peak = torch.cuda.max_memory_allocated(device)
    else:
        with LiveBytes([*weights, *states]) as counter:
            step()
        peak = counter.peak
    return StepMemory(*parts, max(0, peak - sum(parts)))


def forecast_step(
    config: DecoderConfig, factory: OptimizerFactory, n_sequences: int, length: int, dtype: torch.dtype
) -> StepMemory:
    """Return the memory of a decoder's step from fake tensors, which have a size but hold no data.

    The operations are those of a CPU. A GPU's need other workspace, and the same activations.

    Args:
        config: Shape of the decoder; all of its weights are trained.
        factory: Builds the optimizer.
        n_sequences: Sequences in a micro-batch.
        length: Tokens in each sequence.
        dtype: Type of the matrix products; autocast is on for bf16 and fp16.
    """
    with torch.device("meta"):
        decoder = Decoder(config)
    with FakeTensorMode():
        for module in decoder.modules():
            for name, parameter in module.named_parameters(recurse=False):
                fake = torch.empty(parameter.shape, dtype=parameter.dtype, device="cpu")
                setattr(module, name, nn.Parameter(fake))
                module.get_parameter(name).grad = torch.zeros_like(fake)
        optimizer = factory.build(decoder)
        optimizer.step()  # creates its state
        optimizer.zero_grad()
        ids = torch.zeros(n_sequences, length, dtype=torch.int64)

        def step() -> None:
            with torch.autocast("cpu", dtype) if dtype.itemsize == 2 else nullcontext():
                loss = linear_cross_entropy(decoder(ids), decoder.wte.weight, ids)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            optimizer.zero_grad()

        return measure_step(decoder, optimizer, step)


class LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counter of the bytes in all living storages, and of their peak.

    Memory that a kernel takes and frees within one call is not counted.

    Args:
        existing: Tensors that exist before.
    """

    def __init__(self, existing: Iterable[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live = self.peak = 0
        self._known: set[int] = set()
        for tensor in existing:
            self._count(tensor)

    def _count(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._known:
            return
        self._known.add(key)
        n_bytes = storage.nbytes()
        self.live += n_bytes
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._free, key, n_bytes).atexit = False

    def _free(self, key: int, n_bytes: int) -> None:
        self._known.discard(key)
        self.live -= n_bytes

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for value in tree_iter(result):
            if isinstance(value, Tensor):
                self._count(value)
        return result


def storage_bytes(tensors: Iterable[Tensor]) -> int:
    """Return the bytes of the tensors' storages, each counted once."""
    storages = {t.untyped_storage()._cdata: t.untyped_storage().nbytes() for t in tensors}
    return sum(storages.values())
