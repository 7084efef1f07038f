"""``gpt-toolkit convert``: convert GPT-1 or GPT-2 weights in any known layout into a model folder.

SRC is a Hugging Face folder or hub id, the folder of OpenAI's GPT-2 checkpoint (TensorFlow) or GPT-1
parameters (npy), nanoGPT's ckpt.pt, or a checkpoint of gpt-toolkit fit, also in shards. transformers and
every command here can read DST. The largest difference of logits between the two is measured and recorded in
DST. Its README.md is a model card: data, recipe, scores, differences. --push uploads the folder.
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
    parser.add_argument(
        "--scores",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE.json",
        help="reports of gpt-toolkit zero-shot --output for the model card",
    )
    parser.add_argument("--push", metavar="OWNER/NAME", help="upload DST to the Hugging Face hub")
    parser.add_argument("--private", action="store_true", help="with --push: create a private repository")


def run(args: argparse.Namespace) -> int:
    """Run the command and return the exit code, 0."""
    from gpt_toolkit.checkpoints.conversion import convert
    from gpt_toolkit.checkpoints.hub_upload import check_repo_id, push_folder

    if args.private and args.push is None:
        raise ValueError("convert: --private without --push; expected OWNER/NAME to upload to; give --push")
    if args.push is not None:
        check_repo_id(args.push)
    convert(
        args.src,
        args.dst,
        dtype=args.dtype,
        tokenizer=args.tokenizer,
        overwrite=args.overwrite,
        reports=args.scores,
        name=args.push,
    )
    if args.push is not None:
        print(f"pushed  {push_folder(args.dst.expanduser().resolve(), args.push, private=args.private)}")
    return 0
