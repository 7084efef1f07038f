"""``gpt-toolkit convert``: convert GPT-1 or GPT-2 weights in any known layout into a model folder.

SRC is a Hugging Face folder or hub id, the folder of OpenAI's GPT-2 checkpoint (TensorFlow) or GPT-1
parameters (npy), nanoGPT's ckpt.pt, or a checkpoint of gpt-toolkit fit, also in shards. transformers and
every command here can read DST. The largest difference of logits between the two is measured and recorded in
DST.
"""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("src", metavar="SRC", help="folder, checkpoint, or hub id such as gpt2")
    parser.add_argument("dst", metavar="DST", type=Path, help="model folder to write")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing model folder")
    parser.add_argument(
        "--dtype",
        choices=("float32", "bfloat16", "float16"),
        help="dtype of the weights (default: as in SRC)",
    )
    parser.add_argument(
        "--tokenizer",
        metavar="NAME_OR_FOLDER",
        help="tokenizer of the model, or none (default: the one of SRC)",
    )


def run(args: argparse.Namespace) -> int:
    """Run the command and return the exit code, 0."""
    from gpt_toolkit.checkpoints.conversion import convert

    convert(args.src, args.dst, dtype=args.dtype, tokenizer=args.tokenizer, overwrite=args.overwrite)
    return 0
