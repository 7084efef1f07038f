"""OpenAI's GPT-1 release: ``params_0.npy`` to ``params_9.npy`` and ``params_shapes.json``.

The files are one flat row of numbers, cut into ten; the shapes say in which order the tensors stand in it
(finetune-transformer-lm: train.py, model/params_shapes.json).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from itertools import accumulate
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gpt_toolkit.backbone.config import DecoderConfig
from gpt_toolkit.checkpoints.hugging_face import is_transposed
from gpt_toolkit.checkpoints.lazy_tensor import PIECE, StoredModel, StoredTensor
from gpt_toolkit.checkpoints.openai_common import BLOCK_PARTS, plain_shape, tokenizer_place
from gpt_toolkit.checkpoints.tensor_checks import check_tensors

_SHAPES = "params_shapes.json"
_TOKENIZER = ("vocab_40000.bpe", "encoder_bpe_40000.json")
_RELEASED_IDS = 40_478
_N_HEAD = 12
"""Released code: train.py, ``--n_head``; the files do not say it."""


def is_openai_gpt1(folder: Path) -> bool:
    """Whether a folder holds such a release, or part of one."""
    return (folder / _SHAPES).is_file() or (folder / "params_0.npy").is_file()


def open_openai_gpt1(folder: Path) -> StoredModel:
    """The model in such a folder.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is damaged, or shapes and numbers do not agree.
    """
    path = folder / _SHAPES
    shapes = _shapes(path)
    config = _config(shapes, path)
    flat = _FlatParameters(folder)
    sizes = [torch.Size(shape).numel() for shape in shapes]
    if (promised := sum(sizes)) != flat.size:
        raise ValueError(
            f"{folder}: {len(flat.paths)} files params_*.npy hold {flat.size:,} numbers, {_SHAPES} makes it "
            f"{promised:,}; is a file missing or another's?"
        )
    starts = accumulate(sizes, initial=0)
    tensors = {}
    for name, shape, start in zip(_names(config.n_layer), map(plain_shape, shapes), starts, strict=False):
        tensor = StoredTensor(partial(flat.rows, start, shape), shape, torch.float32)
        tensors[name] = tensor.t() if is_transposed(name) else tensor
    check_tensors(str(path), config, tensors, described_by="its token matrix")
    known = "gpt1" if config.vocab_size == _RELEASED_IDS else None
    tokenizer = tokenizer_place(folder, _TOKENIZER, known)
    files = (path, *flat.paths)
    return StoredModel("OpenAI's GPT-1 parameters (npy)", config, tensors, tokenizer, folder, files)


def _names(n_layer: int) -> list[str]:
    """The order of the release: positions, tokens, blocks."""
    blocks = [f"h.{layer}.{part}" for layer in range(n_layer) for part in BLOCK_PARTS]
    return ["wpe.weight", "wte.weight", *blocks]


def _shapes(path: Path) -> list[tuple[int, ...]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{path}: no such file; GPT-1's release has one beside params_0.npy"
        ) from None
    except ValueError as error:
        raise ValueError(f"{path}: is not JSON: {error}") from None
    plain = isinstance(content, list) and all(
        isinstance(shape, list) and shape and all(isinstance(n, int) and n > 0 for n in shape)
        for shape in content
    )
    if not plain:
        raise ValueError(f"{path}: expected a list of shapes")
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
    shape = {
        "n_ctx": n_ctx,
        "n_embd": n_embd,
        "n_layer": n_layer,
        "vocab_size": vocab_size,
        "n_head": _N_HEAD,
    }
    try:
        return DecoderConfig.from_preset("gpt1", **shape)
    except ValueError as error:
        raise ValueError(
            f"{path}: {error}; this layout is read with the released code's {_N_HEAD} heads"
        ) from None


class _FlatParameters:
    """The files as one row of numbers, read in pieces.

    Args:
        folder: Holds ``params_0.npy`` and so on.

    Raises:
        FileNotFoundError: If one is missing.
        ValueError: If one is not a flat array of 32-bit floats.
    """

    def __init__(self, folder: Path) -> None:
        there = {int(path.stem.removeprefix("params_")): path for path in folder.glob("params_[0-9]*.npy")}
        if missing := [n for n in range(max(there, default=0) + 1) if n not in there]:
            raise FileNotFoundError(f"{folder / f'params_{missing[0]}.npy'}: no such file")
        self.paths = tuple(there[n] for n in sorted(there))
        self._ends = list(accumulate(len(_mapped(path)) for path in self.paths))
        self.size = self._ends[-1]

    def rows(self, start: int, shape: tuple[int, ...]) -> Iterator[Tensor]:
        """A tensor that begins at that number, some rows at a time."""
        n_rows, *others = shape
        row = torch.Size(others).numel()
        step = max(1, PIECE // (4 * row))
        for first in range(0, n_rows, step):
            n = min(step, n_rows - first)
            values = self._numbers(start + first * row, start + (first + n) * row)
            yield torch.from_numpy(values.reshape(n, *others))

    def _numbers(self, start: int, end: int) -> NDArray[np.float32]:
        """Numbers from start to end; files are mapped anew: what is read stays in memory until a map ends."""
        parts, before = [], 0
        for path, after in zip(self.paths, self._ends, strict=True):
            if start < after and end > before:
                parts.append(_mapped(path)[max(start - before, 0) : end - before])
            before = after
        return np.concatenate(parts).astype(np.float32)


def _mapped(path: Path) -> NDArray[np.float32]:
    try:
        array: NDArray[np.float32] = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such file") from None
    except (ValueError, EOFError, OSError) as error:
        raise ValueError(f"{path}: is cut short, or not a file of plain numbers ({error})") from None
    if array.ndim != 1 or array.dtype.kind != "f" or array.dtype.itemsize != 4:
        raise ValueError(f"{path}: holds {array.dtype} of {array.shape}, expected a flat row of float32")
    return array
