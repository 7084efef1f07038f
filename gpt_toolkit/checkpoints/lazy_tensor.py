"""What lies on disk: its shape and types are known and checked, its values are read when they are wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from gpt_toolkit.backbone.config import DecoderConfig

PIECE = 1 << 24
"""Bytes of a file that are in memory at a time beside the tensors; ours: small against any model."""


@dataclass(frozen=True)
class StoredTensor:
    """A matrix or vector that is read when it is wanted, some rows at a time.

    Attributes:
        rows: Gives its rows from first to last as blocks of a plain tensor, as the file has them.
        stored_shape: As the file has it.
        stored_dtype: As the file has it.
        transposed: Whether it is wanted turned.
        cast_to: The type that it is wanted in; the file's own if None.
        resident: Whether ``rows`` gives one block that is in memory for good, so that no copy is needed.
    """

    rows: Callable[[], Iterator[Tensor]]
    stored_shape: tuple[int, ...]
    stored_dtype: torch.dtype
    transposed: bool = False
    cast_to: torch.dtype | None = None
    resident: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape, as wanted."""
        return self.stored_shape[::-1] if self.transposed else self.stored_shape

    @property
    def dtype(self) -> torch.dtype:
        """Type, as wanted."""
        return self.cast_to or self.stored_dtype

    @property
    def n_bytes(self) -> int:
        """Bytes, as wanted."""
        return torch.Size(self.stored_shape).numel() * self.dtype.itemsize

    def t(self) -> StoredTensor:
        """The same tensor, turned."""
        return replace(self, transposed=not self.transposed)

    def to(self, dtype: torch.dtype | None) -> StoredTensor:
        """The same tensor in another type; in the same one if None."""
        return self if dtype is None else replace(self, cast_to=dtype)

    def read(self, device: torch.device | str = "cpu") -> Tensor:
        """The whole tensor; beside it, one block of rows is in memory."""
        if self.resident:
            (whole,) = self.rows()
            return (whole.t() if self.transposed else whole).to(device, self.dtype)
        tensor = torch.empty(self.shape, dtype=self.dtype, device=device)
        target, start = tensor.t() if self.transposed else tensor, 0
        for rows in self.rows():
            target[start : start + len(rows)] = rows
            start += len(rows)
        return tensor

    def blocks(self) -> Iterator[Tensor]:
        """Its values from first to last in contiguous blocks: a few rows each, or all if it is turned."""
        if self.transposed:
            yield self.read().contiguous()
            return
        for rows in self.rows():
            yield rows.to(self.dtype).contiguous()


def in_memory(tensor: Tensor) -> StoredTensor:
    """A tensor that is there already, as one that is stored."""
    tensor = tensor.detach()
    return StoredTensor(lambda: iter((tensor,)), tuple(tensor.shape), tensor.dtype, resident=True)


def equal(one: StoredTensor, other: StoredTensor) -> bool:
    """Whether two tensors hold the same values, compared block by block."""
    if one.shape != other.shape:
        return False
    left, right = _flat(one), _flat(other)
    a = b = torch.empty(0)
    while True:
        a = next(left, a) if not len(a) else a
        b = next(right, b) if not len(b) else b
        n = min(len(a), len(b))
        if not n:
            return True
        if not torch.equal(a[:n], b[:n]):
            return False
        a, b = a[n:], b[n:]


def _flat(tensor: StoredTensor) -> Iterator[Tensor]:
    return (block.flatten() for block in tensor.blocks())


@dataclass(frozen=True)
class StoredModel:
    """A model as it lies on disk.

    Attributes:
        layout: Whose files they are, for people.
        config: Of the decoder.
        tensors: Named and turned as in ``Decoder.state_dict()``.
        tokenizer: The folder that holds the tokenizer's files, their names and contents (none: there is no
            tokenizer), or the name of a published tokenizer.
        source: The folder or file.
        files: All files that shape and weights come from.
        notes: What somebody who uses the model must know, a sentence each.
        exact_gelu: Whether its own code computes the exact GELU; our decoder computes the tanh form.
        release: Lets go of the memory that files are in; what is read later is read from them anew.
    """

    layout: str
    config: DecoderConfig
    tensors: Mapping[str, StoredTensor]
    tokenizer: Path | Mapping[str, str] | str
    source: Path
    files: tuple[Path, ...]
    notes: tuple[str, ...] = ()
    exact_gelu: bool = False
    release: Callable[[], None] = lambda: None

    @property
    def dtype(self) -> torch.dtype:
        """Type of the stored weights: that of the token embeddings."""
        return self.tensors["wte.weight"].dtype

    def read(
        self, *, dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
    ) -> dict[str, Tensor]:
        """All tensors; memory holds the weights once, and one block of rows."""
        return {name: tensor.to(dtype).read(device) for name, tensor in self.tensors.items()}
