"""What OpenAI's two releases share: names of a block's parts, matrices as [1, in, out], tokenizer files."""

from __future__ import annotations

from pathlib import Path

BLOCK_PARTS = {  # ours -> theirs, in the order of GPT-1's release (finetune-transformer-lm: train.py, block)
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


def plain_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a matrix [1, in, out], a convolution of width 1, as [in, out]; others stay."""
    return shape[1:] if len(shape) == 3 and shape[0] == 1 else shape


def tokenizer_place(folder: Path, names: tuple[str, str], known: str | None) -> Path | dict[str, str] | str:
    """Where the tokenizer is: in the folder, beside it, known by name, or nowhere."""
    for place in (folder, folder.parent):
        if all((place / name).is_file() for name in names):
            return place
    return known if known is not None else {}
