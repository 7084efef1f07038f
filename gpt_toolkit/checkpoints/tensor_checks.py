"""Whether the tensors that were found are those of the decoder that was described, and which are not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import torch

from gpt_toolkit.backbone.config import DecoderConfig
from gpt_toolkit.backbone.decoder import Decoder
from gpt_toolkit.checkpoints.lazy_tensor import StoredTensor

MOST_FAULTS = 3
"""Faults that a message names; the others are counted."""


def is_file_name(name: object) -> bool:
    """Return whether a value names a file in the same folder: no path, drive or null byte."""
    return isinstance(name, str) and name not in ("", ".", "..") and not set(name) & set("/\\:\0")


def tensor_shapes(config: DecoderConfig) -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor of a decoder."""
    with torch.device("meta"):
        return {name: tuple(tensor.shape) for name, tensor in Decoder(config).state_dict().items()}


def check_tensors(
    where: str,
    config: DecoderConfig,
    tensors: Mapping[str, StoredTensor],
    *,
    described_by: str,
    stored_name: Callable[[str], str] = str,
    surplus: Iterable[str] = (),
) -> None:
    """Refuse tensors that do not make the decoder.

    Args:
        where: What an error calls the file.
        config: The decoder.
        tensors: What was found of it, under our names.
        described_by: What an error calls the place that the config comes from.
        stored_name: Our name of a tensor to the file's.
        surplus: Names in the file that are nobody's.

    Raises:
        ValueError: Naming the first faults, each with both values, and the number of the others.
    """
    expected = tensor_shapes(config)
    n_layer = len({name.split(".")[1] for name in tensors if name.startswith("h.")})
    if n_layer not in (0, config.n_layer):
        raise ValueError(f"{where}: holds {n_layer} blocks, {described_by} says n_layer {config.n_layer}")
    missing = [name for name in expected if name not in tensors]
    unknown = [stored_name(name) for name in tensors if name not in expected] + list(surplus)
    faults = [f"{stored_name(name)} is missing{_of_the_other(name)}" for name in missing]
    faults += [f"{name} is surplus{_of_the_other(name)}" for name in unknown]
    for name, shape in expected.items():
        if name not in tensors:
            continue
        tensor = tensors[name]
        if tensor.shape != shape:
            made = shape[::-1] if tensor.transposed else shape
            remark = _remark(name, tensor.shape, shape)
            faults.append(
                f"{stored_name(name)} is {tensor.stored_shape}, {described_by} makes it {made}{remark}"
            )
        elif not tensor.stored_dtype.is_floating_point:
            kind = str(tensor.stored_dtype).removeprefix("torch.")
            faults.append(f"{stored_name(name)} is of type {kind}, expected floating point")
    refuse(where, faults)


def refuse(where: str, faults: list[str]) -> None:
    """Raise what is wrong, if anything is.

    Raises:
        ValueError: Naming the first faults and the number of the others.
    """
    if faults:
        more = f"; and {len(faults) - MOST_FAULTS} more" if len(faults) > MOST_FAULTS else ""
        raise ValueError(f"{where}: {'; '.join(faults[:MOST_FAULTS])}{more}")


def _of_the_other(name: str) -> str:
    """A GPT-1 and a GPT-2 decoder have blocks of the same names: the final norm tells them apart."""
    return " (GPT-2 has this norm, GPT-1 has not)" if "ln_f" in name else ""


def _remark(name: str, got: tuple[int, ...], expected: tuple[int, ...]) -> str:
    if len(got) != 2 or got[1] != expected[1]:
        return ""
    if name == "wpe.weight":
        return f": the position table {'is cut' if got[0] < expected[0] else 'is longer than n_ctx'}"
    if name == "wte.weight":
        return f": the vocabulary {'is cut' if got[0] < expected[0] else 'is padded, or another one'}"
    return ""
