"""Keys and values of past positions, so that a new token is the only one to compute."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gpt_toolkit.backbone.config import DecoderConfig


class KeyValueCache:
    """Keys and values of every layer, allocated once for all tokens.

    Position p of a sequence is always in slot p. Sequences of unequal length take one new token each per
    step. They get their lengths in one of two ways:

    * :meth:`replace` copies them from caches of their own;
    * they are read together, padded at the right, and :meth:`set_lengths` says where each one ends.

    Args:
        config: Shape of the decoder that fills it.
        batch_size: Number of sequences, B.
        dtype: Type of keys and values, in which attention to them is computed; see :func:`cache_dtype`.
        device: Device that holds them.
        capacity: Number of positions; ``n_ctx`` unless given.

    Attributes:
        lengths: Positions filled so far, of each sequence.
        length: The largest of these.
        positions: ``(B,)``, the lengths as a tensor if they differ; None if all are equal.
    """

    def __init__(
        self,
        config: DecoderConfig,
        batch_size: int,
        *,
        dtype: torch.dtype,
        device: torch.device | str = "cpu",
        capacity: int | None = None,
    ) -> None:
        self.capacity = config.n_ctx if capacity is None else capacity
        if not 1 <= self.capacity <= config.n_ctx:
            raise ValueError(f"capacity: {self.capacity}; expected at most the context length {config.n_ctx}")
        shape = (config.n_layer, batch_size, config.n_head, self.capacity, config.head_width)
        # Zeros, since what a mask hides is still multiplied, by 0, and must be finite.
        self.keys = torch.zeros(shape, dtype=dtype, device=device)  # (n_layer, B, H, capacity, K)
        self.values = torch.zeros(shape, dtype=dtype, device=device)
        self._layers = [(self.keys[layer], self.values[layer]) for layer in range(config.n_layer)]
        self._numbers = torch.arange(batch_size, device=device)
        self._slots = torch.arange(self.capacity, device=device)
        self.lengths = [0] * batch_size
        self.length = 0
        self.positions: Tensor | None = None
        self._mask: Tensor | None = None

    def set_lengths(self, lengths: Sequence[int]) -> None:
        """Set how many positions of each sequence are valid; later slots are ignored."""
        if len(lengths) != len(self.lengths) or not all(0 <= n <= self.capacity for n in lengths):
            raise ValueError(
                f"lengths: {list(lengths)}; expected {len(self.lengths)} numbers, each of at most "
                f"{self.capacity}"
            )
        self.lengths, self.length = list(lengths), max(lengths)
        equal = min(lengths) == self.length
        self.positions = None if equal else torch.tensor(self.lengths, device=self.keys.device)
        self._mask = None

    @property
    def attends_per_sequence(self) -> bool:
        """True on a CPU, where attention reads one sequence after another, each up to its own end.

        The last bits of torch's attention depend on the thread that computes a head, and so on the
        other sequences of the batch; in bf16 even the tokens do. On a GPU a launch for each sequence would
        cost more than a mask.
        """
        return len(self.lengths) > 1 and self.keys.device.type == "cpu"

    def mask(self, n_positions: int) -> Tensor | None:
        """Return which slots each of the new positions may see; None if plain causal attention is right.

        Returns:
            Broadcastable to ``(B, H, n_positions, length + n_positions)``, true for visible slots.
        """
        end = self.length + n_positions
        if self.positions is not None and not self.attends_per_sequence:
            if self._mask is None:  # the same for every layer
                self._mask = (self._slots[:end] <= self.positions[:, None])[:, None, None]  # (B, 1, 1, end)
            return self._mask
        if self.length == 0 or n_positions == 1:
            return None
        return torch.ones(n_positions, end, dtype=torch.bool, device=self.keys.device).tril(self.length)

    def extend(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Store one layer's new keys and values ``(B, H, T, K)``; return all of that layer so far.

        Raises:
            ValueError: If sequences of unequal length get more than one new token.
        """
        keys, values = self._layers[layer]
        new = key.shape[2]
        if self.positions is None:
            keys.narrow(2, self.length, new).copy_(key)
            values.narrow(2, self.length, new).copy_(value)
        elif new == 1:
            keys[self._numbers, :, self.positions] = key[:, :, 0].to(keys.dtype)
            values[self._numbers, :, self.positions] = value[:, :, 0].to(values.dtype)
        else:
            raise ValueError(f"new tokens: {new}; expected 1, because the sequences have unequal lengths")
        end = self.length + new
        return keys.narrow(2, 0, end), values.narrow(2, 0, end)

    def advance(self, n_positions: int) -> None:
        """Count positions as filled, once every layer has stored them."""
        self.length += n_positions
        self.lengths = [length + n_positions for length in self.lengths]
        if self.positions is not None:
            self.positions += n_positions
        self._mask = None

    def replace(self, numbers: Sequence[int], other: KeyValueCache | None) -> None:
        """Replace the positions of some sequences by those of another cache.

        Args:
            numbers: The sequences, by their index in this cache.
            other: A cache of these sequences alone, all of one length; None empties them.
        """
        length = 0 if other is None else other.length
        if other is not None:
            index = torch.tensor(numbers, device=self.keys.device)
            self.keys[:, index, :, :length] = other.keys[:, :, :, :length]
            self.values[:, index, :, :length] = other.values[:, :, :, :length]
        changed = set(numbers)
        self.set_lengths([length if i in changed else n for i, n in enumerate(self.lengths)])


def cache_dtype(dtype: torch.dtype, device: torch.device) -> torch.dtype:
    """Return the type in which to cache a decoder's keys and values: fp32 on a CPU.

    There torch's attention of a single query takes 2 to 4 times as long in half precision as in fp32 (torch
    2.13: 0.11 against 0.02 ms for one sequence, 0.85 against 0.38 for eight, of 144 positions and 12 heads of
    width 64).

    Args:
        dtype: Type of the hidden states.
        device: Device of the hidden states.
    """
    return torch.float32 if device.type == "cpu" and dtype.itemsize < 4 else dtype
