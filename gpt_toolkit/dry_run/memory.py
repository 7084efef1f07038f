"""What a training step needs in memory: counted on one that is really done, or foreseen from small ones."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.losses import linear_cross_entropy
from gpt_toolkit.optim import OptimizerFactory


@dataclass(frozen=True)
class MemoryPlan:
    """Bytes of one device at the fullest moment of a step.

    Attributes:
        weights: Parameters and buffers.
        gradients: Of those that are trained.
        optimizer: Its state.
        activations: All else that is alive then: what the backward pass needs of a micro-batch, and the
            workspace of loss and optimizer.
    """

    weights: int
    gradients: int
    optimizer: int
    activations: int

    @property
    def total(self) -> int:
        """At the fullest moment."""
        return self.weights + self.gradients + self.optimizer + self.activations

    def divided(self, strategy: str, n_devices: int) -> MemoryPlan:
        """Of each of several devices, by what the strategy divides among them.

        Args:
            strategy: Its name, or its class's. ``ddp`` keeps a second copy of the gradients to exchange them;
                DeepSpeed is taken at its stage 2.
            n_devices: How many.
        """
        name = strategy.lower()
        shared: tuple[str, ...] = ()
        if name.startswith(("fsdp", "modelparallel")):
            shared = ("weights", "gradients", "optimizer")
        if name.startswith("deepspeed"):
            shared = ("gradients", "optimizer")
        if n_devices == 1:
            return self
        if not shared:
            return replace(self, gradients=2 * self.gradients)
        return replace(self, **{part: -(-getattr(self, part) // n_devices) for part in shared})


class LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of all storages that are alive, and the most that ever were.

    What a kernel takes and gives back within one call is not seen.

    Args:
        held: Tensors that are there before.
    """

    def __init__(self, held: Iterable[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live = self.peak = 0
        self._known: set[int] = set()
        for tensor in held:
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
        weakref.finalize(storage, self._freed, key, n_bytes).atexit = False

    def _freed(self, key: int, n_bytes: int) -> None:
        self._known.discard(key)
        self.live -= n_bytes

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for value in tree_iter(result):
            if isinstance(value, Tensor):
                self._count(value)
        return result


def planned(module: nn.Module, optimizer: torch.optim.Optimizer, step: Callable[[], None]) -> MemoryPlan:
    """Do a step and count what it needs; the optimizer's state must be there from a step before.

    Args:
        module: All weights, without gradients.
        optimizer: With its state.
        step: Forward pass, backward pass, update; it frees the gradients.
    """
    weights = [*module.parameters(), *module.buffers()]
    states = [value for value in tree_iter(list(optimizer.state.values())) if isinstance(value, Tensor)]
    gradients = _bytes(p for p in module.parameters() if p.requires_grad)
    parts = _bytes(weights), gradients, _bytes(states)
    with counter_of(next(module.parameters()).device, [*weights, *states]) as counter:
        step()
    return MemoryPlan(*parts, max(0, counter.peak - sum(parts)))


class CudaBytes:
    """Counts what :class:`LiveBytes` counts, and what a kernel takes for itself, by CUDA's allocator."""

    def __init__(self, device: torch.device, held: int) -> None:
        self.device, self.held = device, held

    def __enter__(self) -> CudaBytes:
        self.held -= torch.cuda.memory_allocated(self.device)
        torch.cuda.reset_peak_memory_stats(self.device)
        return self

    def __exit__(self, *_: object) -> None: ...

    @property
    def peak(self) -> int:
        """The most bytes so far."""
        return int(torch.cuda.max_memory_allocated(self.device)) + self.held


def counter_of(device: torch.device, held: list[Tensor]) -> LiveBytes | CudaBytes:
    """What counts the bytes of a device; ``held`` are alive before."""
    return CudaBytes(device, _bytes(held)) if device.type == "cuda" else LiveBytes(held)


def _bytes(tensors: Iterable[Tensor]) -> int:
    storages = {t.untyped_storage()._cdata: t.untyped_storage().nbytes() for t in tensors}
    return sum(storages.values())


def foreseen(
    config: DecoderConfig,
    factory: OptimizerFactory,
    n_sequences: int,
    length: int,
    device: torch.device,
    autocast: Callable[[], AbstractContextManager[Any]],
) -> MemoryPlan:
    """The plan of a decoder that may be too large to be tried: from steps with one and two of its layers.

    All layers need the same and so do all sequences, so the whole follows in a line from one and two of each.

    Args:
        config: The whole decoder; all of it is taken as trained.
        factory: Makes the optimizer.
        n_sequences: Of a micro-batch.
        length: Of each, in tokens.
        device: Where the small steps are done.
        autocast: The precision's context for a forward pass.
    """
    one = _small_step(config, factory, 1, 1, length, device, autocast)
    two_layers = _small_step(config, factory, 2, 1, length, device, autocast)
    two_sequences = _small_step(config, factory, 1, 2, length, device, autocast)

    def whole(name: str) -> int:
        first, second = getattr(one, name), getattr(two_layers, name)
        return int(first + (config.n_layer - 1) * (second - first))

    parts = whole("weights"), whole("gradients"), whole("optimizer")
    # While activations are alive, s sequences in n layers need fixed + s (each + n per_layer) of them.
    per_layer = max(0, two_layers.activations - one.activations)
    per_sequence = max(0, two_sequences.activations - one.activations)
    more = (config.n_layer - 1) * per_layer
    activations = one.activations + (n_sequences - 1) * per_sequence + n_sequences * more
    # When all gradients are, what the embeddings' backward pass takes.
    fullest = max(parts[0] + parts[2] + activations, sum(parts) + one.at_the_end)
    return MemoryPlan(*parts, max(0, fullest - sum(parts)))


@dataclass(frozen=True)
class _SmallStep:
    """Bytes of a small decoder's step.

    Attributes:
        weights, gradients, optimizer: As in :class:`MemoryPlan`.
        activations: More than weights and optimizer, at the fullest moment before the gradients of the
            embeddings are made.
        at_the_end: More than weights, gradients and optimizer, at the fullest moment of the step.
    """

    weights: int
    gradients: int
    optimizer: int
    activations: int
    at_the_end: int


def _small_step(
    config: DecoderConfig,
    factory: OptimizerFactory,
    n_layer: int,
    n_sequences: int,
    length: int,
    device: torch.device,
    autocast: Callable[[], AbstractContextManager[Any]],
) -> _SmallStep:
    decoder = Decoder(replace(config, n_layer=n_layer)).to(device)
    optimizer = factory.build(decoder)
    for parameter in decoder.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    optimizer.zero_grad()
    ids = torch.zeros(n_sequences, length, dtype=torch.int64, device=device)
    weights = [*decoder.parameters(), *decoder.buffers()]
    states = [value for value in tree_iter(list(optimizer.state.values())) if isinstance(value, Tensor)]
    n_weights, n_states = _bytes(weights), _bytes(states)
    with counter_of(device, [*weights, *states]) as counter:
        before_embeddings = 0

        def blocks_are_done(gradient: Tensor) -> None:
            nonlocal before_embeddings
            before_embeddings = counter.peak

        def watch(module: nn.Module, inputs: Any, embedded: Tensor) -> None:
            embedded.register_hook(blocks_are_done)  # type: ignore[no-untyped-call]

        decoder.drop.register_forward_hook(watch)
        with autocast():
            loss = linear_cross_entropy(decoder(ids), decoder.wte.weight, ids)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()
    held = n_weights + n_states
    return _SmallStep(
        n_weights, n_weights, n_states, before_embeddings - held, max(0, counter.peak - held - n_weights)
    )


def surely_fits(config: DecoderConfig, n_sequences: int, length: int, free: int | None) -> bool:
    """Whether even a careless estimate is far below what is free, so that a step can simply be tried."""
    if free is None:
        return True
    scores = 3 * config.n_head * length if config.attn_pdrop else 0  # without a fused kernel, fp32
    per_token = 4 * (config.n_layer * (40 * config.n_embd + scores) + 4 * config.n_embd)
    chunk = 64 * 2**20 + 3 * 4 * 256 * config.vocab_size  # logits of the loss
    return 24 * config.n_params + n_sequences * length * per_token + chunk < free / 2
