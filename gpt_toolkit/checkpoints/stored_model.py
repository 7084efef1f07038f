"""A model on disk: its shapes and dtypes are known and checked, its values are read on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gpt_toolkit.backbone.config import DecoderConfig
from gpt_toolkit.backbone.decoder import Decoder
from gpt_toolkit.batches import TrainedDataset

_MOST_PROBLEMS = 3  # listed in a message; the others are counted


@dataclass(frozen=True)
class LazyTensor:
    """A matrix or vector whose values are read on demand.

    Attributes:
        load: Returns the tensor as the file has it; the result may share the file's memory.
        stored_shape: Shape in the file.
        stored_dtype: Dtype in the file.
        transposed: Whether to return the transpose.
        cast_to: Dtype to return; the file's if None.
        in_memory: Whether ``load`` returns a tensor that stays in memory anyway, so that it is not copied.
    """

    load: Callable[[], Tensor]
    stored_shape: tuple[int, ...]
    stored_dtype: torch.dtype
    transposed: bool = False
    cast_to: torch.dtype | None = None
    in_memory: bool = False

    @staticmethod
    def of(tensor: Tensor) -> LazyTensor:
        """Wrap a tensor that is in memory."""
        tensor = tensor.detach()
        return LazyTensor(lambda: tensor, tuple(tensor.shape), tensor.dtype, in_memory=True)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the tensor that is returned."""
        return self.stored_shape[::-1] if self.transposed else self.stored_shape

    @property
    def dtype(self) -> torch.dtype:
        """Dtype of the tensor that is returned."""
        return self.cast_to or self.stored_dtype

    @property
    def n_bytes(self) -> int:
        """Size of the tensor that is returned."""
        return torch.Size(self.stored_shape).numel() * self.dtype.itemsize

    def t(self) -> LazyTensor:
        """Return the transpose, which is not read yet."""
        return replace(self, transposed=not self.transposed)

    def to(self, dtype: torch.dtype | None) -> LazyTensor:
        """Return the same tensor in another dtype, which is not read yet; None changes nothing."""
        return self if dtype is None else replace(self, cast_to=dtype)

    def read(self, device: torch.device | str = "cpu") -> Tensor:
        """Read the tensor; memory holds it twice for a moment."""
        tensor = self.load()
        tensor = tensor.t() if self.transposed else tensor
        if self.in_memory:
            return tensor.to(device, self.dtype)
        return torch.empty(self.shape, dtype=self.dtype, device=device).copy_(tensor)

    def equals(self, other: LazyTensor) -> bool:
        """Return whether both have the same shape, dtype and values."""
        if (self.shape, self.dtype) != (other.shape, other.dtype):
            return False
        return torch.equal(self.read(), other.read())


@dataclass(frozen=True)
class StoredHeads:
    """Heads of a model on disk.

    Attributes:
        datasets: Datasets that the model was fine-tuned on, by name; those whose answers are text have no
            head.
        tensors: Tensors by their names in :func:`~gpt_toolkit.checkpoints.stored_heads.build_heads`.
        has_special_tokens: Whether sequences have start, delimiter and extract tokens (GPT-1 §3.3). Without
            them, a head reads the last token of the text, as in ``transformers``.
    """

    datasets: Mapping[str, TrainedDataset]
    tensors: Mapping[str, LazyTensor] = field(default_factory=dict)
    has_special_tokens: bool = True

    @property
    def classes(self) -> list[str]:
        """Names of the datasets that have a head."""
        return [name for name, one in self.datasets.items() if one.has_head]


@dataclass(frozen=True)
class StoredModel:
    """A model on disk.

    Attributes:
        layout: Name of the file format, for messages.
        config: Config of the decoder.
        tensors: Tensors by their names in ``Decoder.state_dict()``.
        tokenizer: Folder of the tokenizer's files, their names and contents (empty without a tokenizer), or
            the name of a published tokenizer.
        source: The folder or file.
        files: All files that config and weights come from.
        notes: Sentences that a user of the model must know.
        exact_gelu: Whether the original code computes the exact GELU; this toolkit computes the tanh form.
        release: Frees the memory that files are mapped into; a later read maps them again.
        heads: Heads of fine-tuning and what they were trained on; None if the model was not fine-tuned.
        training: What this toolkit recorded of its training, see
            :func:`~gpt_toolkit.checkpoints.training_checkpoint.training_record`; empty if unknown.
    """

    layout: str
    config: DecoderConfig
    tensors: Mapping[str, LazyTensor]
    tokenizer: Path | Mapping[str, str] | str
    source: Path
    files: tuple[Path, ...]
    notes: tuple[str, ...] = ()
    exact_gelu: bool = False
    release: Callable[[], None] = lambda: None
    heads: StoredHeads | None = None
    training: Mapping[str, Any] = field(default_factory=dict)

    @property
    def dtype(self) -> torch.dtype:
        """Dtype of the stored weights; of the token embeddings where there are several."""
        return self.tensors["wte.weight"].dtype

    def read(
        self, *, dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
    ) -> dict[str, Tensor]:
        """Read all tensors; memory holds the weights once, and one tensor twice.

        Args:
            dtype: Dtype of the tensors; the stored one if None.
            device: Device of the tensors.
        """
        return {name: tensor.to(dtype).read(device) for name, tensor in self.tensors.items()}


def build_decoder(config: DecoderConfig, state_dict: Mapping[str, Tensor]) -> Decoder:
    """Build a decoder around existing tensors, without a copy of them, in evaluation mode."""
    with torch.device("meta"):
        decoder = Decoder(config)
    decoder.load_state_dict(state_dict, assign=True)
    return decoder.eval()


def tensor_shapes(config: DecoderConfig) -> dict[str, tuple[int, ...]]:
    """Return name and shape of every tensor of a decoder."""
    with torch.device("meta"):
        return {name: tuple(tensor.shape) for name, tensor in Decoder(config).state_dict().items()}


def check_tensors(
    where: str,
    config: DecoderConfig,
    tensors: Mapping[str, LazyTensor],
    *,
    described_by: str,
    stored_name: Callable[[str], str] = str,
    surplus: Iterable[str] = (),
) -> None:
    """Check that the tensors of a file are those of a decoder.

    Args:
        where: Name of the file, for the message.
        config: Config of the decoder.
        tensors: Tensors of the file by their names in ``Decoder.state_dict()``.
        described_by: Name of the place that the config comes from, for the message.
        stored_name: Maps a tensor's name to its name in the file.
        surplus: Names in the file that no decoder has.

    Raises:
        ValueError: If tensors are missing, surplus, or of another shape or kind; names the first problems.
    """
    n_layer = len({name.split(".")[1] for name in tensors if name.startswith("h.")})
    if n_layer not in (0, config.n_layer):
        raise ValueError(
            f"{where}: {n_layer} blocks; expected {config.n_layer}, the n_layer of {described_by}"
        )
    expected = tensor_shapes(config)
    missing = [stored_name(name) for name in expected if name not in tensors]
    unknown = [stored_name(name) for name in tensors if name not in expected] + list(surplus)
    problems = [f"{name} is missing{_norm_hint(name)}" for name in missing]
    problems += [f"{name} is surplus{_norm_hint(name)}" for name in unknown]
    for name, shape in expected.items():
        if name not in tensors:
            continue
        tensor = tensors[name]
        if tensor.shape != shape:
            wanted = shape[::-1] if tensor.transposed else shape
            problems.append(
                f"{stored_name(name)}: shape {tensor.stored_shape}; expected {wanted}, as {described_by} says"
                + _size_hint(name, tensor.shape, shape)
            )
        elif not tensor.stored_dtype.is_floating_point:
            kind = str(tensor.stored_dtype).removeprefix("torch.")
            problems.append(f"{stored_name(name)}: type {kind}; expected floating point")
    if problems:
        n_more = len(problems) - _MOST_PROBLEMS
        more = f"; and {n_more} more" if n_more > 0 else ""
        raise ValueError(f"{where}: {'; '.join(problems[:_MOST_PROBLEMS])}{more}")


def _norm_hint(name: str) -> str:
    """Return the reason if a GPT-1 and a GPT-2 decoder were confused: only the final norm differs."""
    return " (GPT-2 has this norm, GPT-1 has not)" if "ln_f" in name else ""


def _size_hint(name: str, given: tuple[int, ...], expected: tuple[int, ...]) -> str:
    """Return the likely reason why an embedding has another number of rows."""
    if len(given) != 2 or given[1] != expected[1]:
        return ""
    if name == "wpe.weight":
        return f": the position table {'is cut' if given[0] < expected[0] else 'is longer than n_ctx'}"
    if name == "wte.weight":
        return f": the vocabulary {'is cut' if given[0] < expected[0] else 'is padded, or another one'}"
    return ""
