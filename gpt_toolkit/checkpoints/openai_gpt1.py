"""OpenAI's GPT-1 release: ``params_0.npy`` to ``params_9.npy`` and ``params_shapes.json``.

The files are one flat array of numbers in ten pieces. The shapes say in which order the tensors follow each
other (finetune-transformer-lm: train.py, model/params_shapes.json).
"""

from __future__ import annotations

from functools import partial
from itertools import accumulate
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gpt_toolkit.backbone.config import DecoderConfig
from gpt_toolkit.checkpoints.hf_tensors import is_transposed
from gpt_toolkit.checkpoints.stored_model import LazyTensor, StoredModel, check_tensors
from gpt_toolkit.io import read_json

BLOCK_PARTS = {  # ours -> theirs, in the order of the release (finetune-transformer-lm: train.py, block)
    "attn.c_attn.weight": "attn/c_attn/w",
    "attn.c_attn.bias": "attn/c_attn/b",
    "attn.c_proj.weight": "attn/c_proj/w",
    "attn.c_proj.bias": "attn/c_proj/b",
    "ln_1.weight": "ln_1/g",
    "ln_1.bias": "ln_1/b",
    "mlp.c_fc.weight": "mlp/c_fc/w",
    "mlp.c_fc.bias": "mlp/c_fc/b",
    "mlp.c_proj.weight": "mlp/c_proj/w",
    "mlp.c_proj.bias": "mlp/c_proj/b",
    "ln_2.weight": "ln_2/g",
    "ln_2.bias": "ln_2/b",
}
"""Names of a block's tensors in both of OpenAI's releases."""

_SHAPES = "params_shapes.json"
_TOKENIZER = ("vocab_40000.bpe", "encoder_bpe_40000.json")
_RELEASED_SIZE = 40_478
_N_HEAD = 12  # train.py, --n_head; the files do not contain it


def is_openai_gpt1(folder: Path) -> bool:
    """Return whether a folder holds files of the release."""
    return (folder / _SHAPES).is_file() or (folder / "params_0.npy").is_file()


def open_openai_gpt1(folder: Path) -> StoredModel:
    """Open the model in the folder of the release.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is damaged, or shapes and numbers do not agree.
    """
    path = folder / _SHAPES
    shapes = _read_shapes(path)
    config = _config(shapes, path)
    pieces = _find_pieces(folder)
    lengths = [len(_map_numbers(piece)) for piece in pieces]
    sizes = [torch.Size(shape).numel() for shape in shapes]
    if sum(sizes) != sum(lengths):
        raise ValueError(
            f"{folder}: {sum(lengths):,} numbers in {len(pieces)} files params_*.npy; expected "
            f"{sum(sizes):,}, as {_SHAPES} says; download the files again"
        )
    piece_ends = list(accumulate(lengths))
    tensors = {}
    for name, shape, end in zip(_names(config.n_layer), shapes, accumulate(sizes), strict=True):
        shape = shape[-2:]  # a matrix is stored as a convolution of width 1, [1, in, out]
        load = partial(_load, pieces, piece_ends, end, shape)
        tensor = LazyTensor(load, shape, torch.float32)
        tensors[name] = tensor.t() if is_transposed(name) else tensor
    check_tensors(str(path), config, tensors, described_by="its token matrix")
    tokenizer = find_tokenizer(folder, _TOKENIZER, "gpt1" if config.vocab_size == _RELEASED_SIZE else None)
    layout = "OpenAI's GPT-1 parameters (npy)"
    return StoredModel(layout, config, tensors, tokenizer, folder, (path, *pieces))


def find_tokenizer(folder: Path, names: tuple[str, str], known: str | None) -> Path | dict[str, str] | str:
    """Return the folder of a release's tokenizer files: the same one or its parent; else the known name."""
    for place in (folder, folder.parent):
        if all((place / name).is_file() for name in names):
            return place
    return known if known is not None else {}


def _names(n_layer: int) -> list[str]:
    """Return the tensors in the order of the release: positions, tokens, blocks."""
    blocks = [f"h.{layer}.{part}" for layer in range(n_layer) for part in BLOCK_PARTS]
    return ["wpe.weight", "wte.weight", *blocks]


def _read_shapes(path: Path) -> list[tuple[int, ...]]:
    content = read_json(path, "GPT-1's release has it next to params_0.npy")
    is_shapes = isinstance(content, list) and all(
        isinstance(shape, list) and shape and all(isinstance(n, int) and n > 0 for n in shape)
        for shape in content
    )
    if not is_shapes:
        raise ValueError(f"{path}: other content; expected a list of shapes")
    return [tuple(shape) for shape in content]


def _config(shapes: list[tuple[int, ...]], path: Path) -> DecoderConfig:
    n_layer, left_over = divmod(len(shapes) - 2, len(BLOCK_PARTS))
    if n_layer < 1 or left_over or len(shapes[0]) != 2 or len(shapes[1]) != 2:
        hint = "; GPT-2 has two more, for its last norm" if left_over == 2 else ""
        raise ValueError(
            f"{path}: lists {len(shapes)} tensors, the first {shapes[:2]}; expected the matrices of "
            f"positions and tokens, then {len(BLOCK_PARTS)} for each block{hint}"
        )
    (n_ctx, n_embd), (vocab_size, _) = shapes[:2]
    sizes = {"n_ctx": n_ctx, "n_embd": n_embd, "n_layer": n_layer, "vocab_size": vocab_size}
    try:
        return DecoderConfig.from_preset("gpt1", **sizes, n_head=_N_HEAD)
    except ValueError as error:
        raise ValueError(
            f"{path}: {error}; this layout has the {_N_HEAD} heads of the released code"
        ) from None


def _find_pieces(folder: Path) -> list[Path]:
    found = {int(path.stem.removeprefix("params_")): path for path in folder.glob("params_[0-9]*.npy")}
    for n in range(max(found, default=0) + 1):
        if n not in found:
            raise FileNotFoundError(
                f"{folder / f'params_{n}.npy'}: not found; expected all parts; download it"
            )
    return [found[n] for n in sorted(found)]


def _load(pieces: list[Path], piece_ends: list[int], end: int, shape: tuple[int, ...]) -> Tensor:
    """Read the tensor whose last number is number ``end`` of all pieces together."""
    start = end - torch.Size(shape).numel()
    found, before = [], 0
    for path, after in zip(pieces, piece_ends, strict=True):
        if start < after and end > before:
            found.append(_map_numbers(path)[max(start - before, 0) : end - before])
        before = after
    return torch.from_numpy(np.concatenate(found).astype(np.float32).reshape(shape))


def _map_numbers(path: Path) -> NDArray[np.float32]:
    try:
        array: NDArray[np.float32] = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: not found; expected a file of weights") from None
    except (ValueError, EOFError, OSError) as error:
        raise ValueError(
            f"{path}: {error}; expected a complete .npy file of numbers; download it again"
        ) from None
    if array.ndim != 1 or array.dtype.kind != "f" or array.dtype.itemsize != 4:
        raise ValueError(f"{path}: {array.dtype} of shape {array.shape}; expected float32 of one dimension")
    return array
