"""``gpt-toolkit tokenizer``: train a vocabulary on a text of any size, encode text, decode ids."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from gpt_toolkit.io import atomic_folder
from gpt_toolkit.tokenizers import train_byte_level
from gpt_toolkit.tokenizers.loading import load_tokenizer

_SAMPLE = 25_000  # characters of each chunk on which bytes per token are counted; seconds for a gigabyte

STORYWORLD, STORYWORLD_DOCUMENTS = "storyworld", 6000
"""Name of the built-in world, and number of its documents to train on. Tuned here: 5 MB."""

_FILES = {"tokenizer.json", "tokenizer_config.json"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the three actions and their options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="train | encode | decode")

    train = actions.add_parser("train", help="train a byte-level vocabulary, as GPT-2's, on text files")
    train.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="folder, glob, .txt, .jsonl (also .gz) or .parquet file, or storyworld for the built-in world",
    )
    train.add_argument("--vocab_size", type=int, required=True, help="number of ids, with the end of text")
    train.add_argument("--output", type=Path, required=True, metavar="FOLDER", help="folder to write")
    train.add_argument("--overwrite", action="store_true", help="replace an existing vocabulary")

    spec_help = "bytes, gpt1, gpt2, storyworld, a folder or a file"
    encode = actions.add_parser("encode", help="print the ids of a text")
    encode.add_argument("tokenizer", metavar="TOKENIZER", help=spec_help)
    encode.add_argument("text", nargs="?", metavar="TEXT", help="text to encode (default: standard input)")
    encode.add_argument("--pieces", action="store_true", help="print one id a line, with its bytes")

    decode = actions.add_parser("decode", help="print the text of ids")
    decode.add_argument("tokenizer", metavar="TOKENIZER", help=spec_help)
    decode.add_argument("ids", nargs="+", type=int, metavar="ID")


def run(args: argparse.Namespace) -> int:
    """Run one action and return the exit code."""
    if args.action == "train":
        _train(args.files, args.vocab_size, args.output, overwrite=args.overwrite)
    elif args.action == "encode":
        _encode(args.tokenizer, args.text, pieces=args.pieces)
    else:
        print(load_tokenizer(args.tokenizer).decode(args.ids))
    return 0


def _train(files: Sequence[str], vocab_size: int, output: Path, *, overwrite: bool) -> None:
    _check_output(output, overwrite=overwrite)
    sample: list[str] = []
    tokenizer = train_byte_level(_sampled(read_chunks(files), sample), vocab_size, progress=True)
    with atomic_folder(output, replace=True) as folder:
        for name, content in tokenizer.files().items():
            (folder / name).write_text(content, encoding="utf-8", newline="\n")
    text = "".join(sample)
    n_bytes, n_tokens = len(text.encode()), len(tokenizer.encode(text))
    print(
        f"{tokenizer.vocab_size} ids, {n_bytes / max(n_tokens, 1):.2f} bytes a token on {n_bytes / 1e6:.1f} "
        "MB of it"
    )
    print(f"written to {output}")
    print(f'next: gpt-toolkit tokenizer encode {output} "Some text" --pieces')


def _encode(spec: str, text: str | None, *, pieces: bool) -> None:
    tokenizer = load_tokenizer(spec)
    ids = tokenizer.encode(_standard_input() if text is None else text)
    if pieces:
        for i in ids:
            piece = tokenizer.decode_bytes([i])
            print(f"{i}\t{_quote(piece)}")
    else:
        print(*ids)


def _quote(piece: bytes) -> str:
    """Return a piece in quotes, or its bytes if it is a part of a character."""
    try:
        return repr(piece.decode())
    except UnicodeDecodeError:
        return repr(piece)


def _standard_input() -> str:
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"standard input: invalid byte at offset {error.start}; expected UTF-8") from None


def read_chunks(files: Sequence[str]) -> Iterator[str]:
    """Yield the text of files, folders and globs in chunks that no word crosses.

    ``storyworld`` stands for the first documents of the built-in world.
    """
    # These import numpy, which encode and --help do not need.
    from gpt_toolkit.data.pretraining.text_files import find_files, read_documents
    from gpt_toolkit.storyworld.documents import documents

    files = list(files)
    if STORYWORLD in files:
        files.remove(STORYWORLD)
        yield from islice(documents(seed=0), STORYWORLD_DOCUMENTS)
    for path in find_files(files, "FILE"):
        for document in read_documents(path, "text"):
            yield from filter(None, document)


def _sampled(chunks: Iterator[str], sample: list[str]) -> Iterator[str]:
    """Yield the chunks unchanged, and append the beginning of each to ``sample``."""
    for chunk in chunks:
        sample.append(chunk[:_SAMPLE])
        yield chunk


def _check_output(output: Path, *, overwrite: bool) -> None:
    if not output.exists():
        return
    if not overwrite:
        raise FileExistsError(
            f"--output: {output} exists; expected a new folder; choose another, or --overwrite to replace "
            "the vocabulary in it"
        )
    if not output.is_dir() or (others := {p.name for p in output.iterdir()} - _FILES):
        what = f"{output} with {min(others)}" if output.is_dir() else f"file {output}"
        raise FileExistsError(
            f"--output: {what}; expected a folder with a vocabulary alone, which --overwrite replaces; "
            "choose another"
        )
