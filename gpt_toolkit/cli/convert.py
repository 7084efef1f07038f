"""``gpt-toolkit convert``: anybody's GPT-1 or GPT-2 weights into a model folder.

SRC is a Hugging Face folder or hub id, the folder of OpenAI's GPT-2 checkpoint (TensorFlow) or GPT-1
parameters (npy), nanoGPT's ckpt.pt, or a checkpoint of gpt-toolkit fit, also in shards. DST can be read by
transformers, and by every command here. The largest difference of logits between the two is measured and kept
in DST.
"""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("src", metavar="SRC", help="folder, checkpoint, or hub id such as gpt2")
    parser.add_argument("dst", metavar="DST", type=Path, help="the model folder to make")
    parser.add_argument("--overwrite", action="store_true", help="replace a model folder that is there")
    parser.add_argument(
        "--dtype",
        choices=("float32", "bfloat16", "float16"),
        help="store the weights so (as they are, unless given)",
    )
    parser.add_argument(
        "--tokenizer",
        metavar="NAME_OR_FOLDER",
        help="the tokenizer of the model, or none (what came with SRC, unless given)",
    )


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Returns:
        The exit code, 0.

    Raises:
        FileNotFoundError: If there is no such model.
        FileExistsError: If DST is there and is not to be replaced.
        ValueError: If SRC is damaged or not implemented, or DST would touch it.
        OSError: If DST cannot be written; nothing is left of it then.
    """
    from gpt_toolkit.checkpoints.conversion import convert

    convert(args.src, args.dst, dtype=args.dtype, tokenizer=args.tokenizer, overwrite=args.overwrite)
    return 0
