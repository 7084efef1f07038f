"""Throughput of counting shared 8-grams (GPT-2 §4), compared with plain Python.

    python benchmarks/overlap.py --files BOOKS --output overlap.json

A training text is searched for the 8-grams of a test text, which is the last twentieth of the given text;
in turns. Ours uses arrays of fingerprints, exactly or in a Bloom filter; plain Python uses a set of tuples
of words. All find the same number. Memory is that of the process above its imports. Files are read one
after another.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import corpus
from benchmarks.side_by_side import argument_parser, keep, parse, print_machine, print_table, stamp
from benchmarks.workers import Turns, Worker, choose_start_method, compare
from gpt_toolkit.analysis.ngram_overlap import (
    WORDS,
    BloomFilter,
    TestNgramIndex,
    document_fingerprints,
    fingerprints,
    normalized,
)

OURS, BLOOM, PLAIN = "gpt_toolkit", "gpt_toolkit, Bloom filter", "plain Python"
_LETTERS_A_WORD = 4  # lower bound, with the space: gives the capacity of the filter


def texts(folder: Path) -> Iterator[str]:
    for path in sorted(folder.iterdir()):
        yield path.read_text(encoding="utf-8")


def ours(turns: Turns, train: Path, test: Path) -> dict[str, Any]:
    """Search the training text for the test text's 8-grams."""
    asked = fingerprints(test.read_text(encoding="utf-8"))
    found = 0
    while turns.wait():
        wanted = TestNgramIndex([asked])
        for text in texts(train):
            for prints in document_fingerprints([text]):
                wanted.add(prints)
        found = int(wanted.contains(asked).sum())
    return {"found": found, "runs": len(asked)}


def bloom(turns: Turns, train: Path, test: Path) -> dict[str, Any]:
    """Fill a Bloom filter with the training text's 8-grams, as the paper did, and query it."""
    asked = fingerprints(test.read_text(encoding="utf-8"))
    capacity = max(1, int(corpus.size_mb(train) * 1e6 / _LETTERS_A_WORD))
    found = 0
    while turns.wait():
        known = BloomFilter(capacity)
        for text in texts(train):
            for prints in document_fingerprints([text]):
                known.add(prints)
        found = int(known.contains(asked).sum())
    return {"found": found, "runs": len(asked)}


def plain(turns: Turns, train: Path, test: Path) -> dict[str, Any]:
    """Do the same in plain Python."""
    asked = list(runs_of(test.read_text(encoding="utf-8")))
    found = 0
    while turns.wait():
        wanted = set(asked)
        seen = {run for text in texts(train) for run in runs_of(text) if run in wanted}
        found = sum(run in seen for run in asked)
    return {"found": found, "runs": len(asked)}


def runs_of(text: str) -> Iterator[tuple[str, ...]]:
    words = normalized(text).split()
    return zip(*(words[i:] for i in range(WORDS)), strict=False)


# ---------------------------------------------------------------------- what is measured


def divide(folder: Path, test: Path) -> None:
    """Move the last twentieth of the text, by characters, to a separate file."""
    paths = sorted(folder.iterdir())
    left = int(sum(path.stat().st_size for path in paths) / 20)
    held: list[str] = []
    while left > 0 and paths:
        text = paths[-1].read_text(encoding="utf-8")
        if len(text) <= left and len(paths) > 1:
            paths.pop().unlink()
            held.insert(0, text)
        else:
            corpus.write(paths[-1], text[:-left])
            held.insert(0, text[-left:])
            break
        left -= len(text)
    corpus.write(test, "\n".join(held))


def measure(train: Path, test: Path, rounds: int) -> dict[str, Any]:
    """Measure the MB of training text per second of all contestants.

    Raises:
        RuntimeError: If their results differ.
    """
    work = {OURS: ours, BLOOM: bloom, PLAIN: plain}
    workers = {name: partial(Worker, each, train, test) for name, each in work.items()}
    seconds, said = compare(workers, rounds)
    found = {name: each["found"] for name, each in said.items()}
    if len(set(found.values())) != 1:
        raise RuntimeError(f"8-grams found: {found}; expected equal numbers")
    size = corpus.size_mb(train)
    speed = {name: size / median(times) for name, times in seconds.items()}
    return {
        "runs": said[OURS]["runs"],
        "found": found[OURS],
        "mb_per_second": speed,
        "ratio": speed[OURS] / speed[PLAIN],
        "ratio_bloom": speed[BLOOM] / speed[PLAIN],
        "memory_mb": {name: each["work_mb"] for name, each in said.items()},
        "seconds": seconds,
    }


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark and return the exit code."""
    parser = argument_parser(__doc__, rounds=5)
    corpus.add_arguments(parser)
    args = parse(parser, argv)
    choose_start_method("torch", quick=args.quick)
    about = stamp(["numpy"])
    with tempfile.TemporaryDirectory() as place:
        train, test = Path(place) / "train", Path(place) / "test.txt"
        text = corpus.unpack(args.files, train, 0.1 if args.quick else 20)
        divide(train, test)
        found = measure(train, test, 1 if args.quick else args.rounds)
    report = {"machine": about, "setting": text, **found}
    print_machine(about)
    print(f"{text['text']}, {text['mb']:.1f} MB; {found['found']:,} of {found['runs']:,} runs are found\n")
    rows = [[name, speed, found["memory_mb"][name]] for name, speed in found["mb_per_second"].items()]
    print_table(["", "MB/s", "MB of memory"], rows)
    print(f"\nours is {found['ratio']:.1f} times as fast as {PLAIN}")
    keep(args, report)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
