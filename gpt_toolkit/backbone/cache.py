"""Keys and values of past positions, so that generating a token reads the new position only."""

from __future__ import annotations

import torch
from torch import Tensor

from gpt_toolkit.backbone.config import DecoderConfig


class KeyValueCache:
    """Room for the keys and values of every layer, taken once; nothing is allocated per token.

    Args:
        config: Shape of the decoder that will fill it.
        batch_size: Sequences, B.
        dtype: Type of keys and values: that of the hidden states.
        device: Where they lie.
        capacity: Positions there is room for; the whole context unless given.

    Attributes:
        length: Positions filled so far, the same for all sequences.
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
            raise ValueError(
                f"a cache of {self.capacity} positions for a decoder of context length {config.n_ctx}"
            )
        shape = (config.n_layer, batch_size, config.n_head, self.capacity, config.head_width)
        self.keys = torch.empty(shape, dtype=dtype, device=device)  # (n_layer, B, H, capacity, K)
        self.values = torch.empty(shape, dtype=dtype, device=device)
        self.length = 0

    def extend(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Store one layer's new keys and values ``(B, H, T, K)``; return all of that layer so far."""
        end = self.length + key.shape[2]
        self.keys[layer, :, :, self.length : end] = key
        self.values[layer, :, :, self.length : end] = value
        return self.keys[layer, :, :, :end], self.values[layer, :, :, :end]

    def advance(self, n_positions: int) -> None:
        """Count positions as filled, once every layer has stored them."""
        self.length += n_positions
