"""Text of the benchmarks that read text: the user's files, or Storyworld's stories."""

from __future__ import annotations

import argparse
import gzip
import math
import random
import re
from itertools import islice
from pathlib import Path
from typing import Any

from gpt_toolkit.storyworld import stories

BUILT_IN = "storyworld"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--files",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="read these .txt and .txt.gz files or folders (default: Storyworld's stories)",
    )


def unpack(files: list[Path], folder: Path, n_mb: float) -> dict[str, Any]:
    """Write plain text with LF line ends to a folder, so that all contestants read the same.

    Args:
        files: The user's files; if there are none, about ``n_mb`` of Storyworld's stories are used.
        folder: Folder to write to.
        n_mb: Size of the stories.

    Returns:
        A description of the text with its size.
    """
    folder.mkdir(parents=True)
    if files:
        paths = [path for given in files for path in _texts_of(given)]
        for i, path in enumerate(paths):
            data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            write(folder / f"{i:05d}.txt", re.sub("\r\n?", "\n", data.decode("utf-8-sig")))
        name = f"{len(paths)} files"
    else:
        draw, name = stories(seed=0), BUILT_IN
        n_files = math.ceil(n_mb)
        for i in range(n_files):
            text = ""
            while len(text) < n_mb * 1e6 / n_files:
                text += "\n\n".join(islice(draw, 50)) + "\n\n"
            write(folder / f"{i:05d}.txt", text)
    return {"text": name, "mb": size_mb(folder), "files": len(list(folder.iterdir()))}


def _texts_of(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = sorted(file for file in path.rglob("*") if file.name.endswith((".txt", ".txt.gz")))
    if not found:
        raise FileNotFoundError(f"--files: {path}; expected .txt or .txt.gz files in it")
    return found


def enlarge(folder: Path, larger: Path, times: int) -> None:
    """Enlarge each file by a factor: its paragraphs in other orders, with some words exchanged."""
    larger.mkdir(parents=True)
    for path in sorted(folder.iterdir()):
        text = path.read_text(encoding="utf-8")
        words = re.findall(r"\w+", text)
        with (larger / path.name).open("w", encoding="utf-8", newline="\n") as file:
            for number in range(times):
                draw = random.Random(f"{path.name} {number}")
                paragraphs = text.split("\n\n")
                draw.shuffle(paragraphs)
                for paragraph in paragraphs:
                    file.write(_changed(paragraph, words, draw) + "\n\n")


def _changed(text: str, words: list[str], draw: random.Random) -> str:
    """Replace one word in ten by another word of the same file."""
    parts = re.split(r"(\w+)", text)  # words have the odd places
    for place in range(1 + 2 * draw.randrange(10), len(parts), 20):
        parts[place] = draw.choice(words)
    return "".join(parts)


def write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def size_mb(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.iterdir()) / 1e6
