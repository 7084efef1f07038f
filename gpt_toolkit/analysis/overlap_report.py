"""The work of ``gpt-toolkit overlap``: read the texts, count, and say what is shared."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

from gpt_toolkit.analysis.ngram_overlap import (
    BloomFilter,
    Known,
    Prints,
    Shared,
    Wanted,
    document_prints,
    fingerprints,
    shared,
    together,
)
from gpt_toolkit.data.pretraining.text_files import find_files
from gpt_toolkit.data.pretraining.text_readers import (
    TEXT_SUFFIXES,
    read_records,
    read_text,
    suffix,
    utf8_length,
)
from gpt_toolkit.progress import ProgressBar

_BYTES_A_WORD = 4  # of running text at least, with its blank; ours: to judge a filter's size
_PACKED = 3  # as data.files judges


def _say(text: str) -> None:
    print(text, file=sys.stderr)


class TestDocument(NamedTuple):
    """A document of the test text, and the fingerprints of its runs."""

    name: str
    prints: Prints


def report(args: argparse.Namespace) -> dict[str, Any]:
    """Count, print the table, and write the file asked for; the report."""
    _check(args)
    corpora = {
        _name(patterns): [each.path for each in find_files(patterns, "train")] for patterns in args.train
    }
    tests = [*_test_files(args), *_benchmarks(args)]
    if not any(len(document.prints) for document in tests):
        raise ValueError(f"the test text has no run of {args.ngram} words; give --test or --benchmarks more")
    found = {name: _overlap(args, tests, name, files) for name, files in corpora.items()}
    console = Console()
    if not console.is_terminal:  # a file or a pipe has no edge
        console = Console(width=160)
    console.print(_table(args.ngram, found))
    for name, parts in found.items():
        if args.documents:
            console.print(_documents_table(tests, name, parts, args.documents))
    content = {
        "words": args.ngram,
        "index": f"Bloom filter, false positives at most {args.bound:g}" if args.bloom else "exact",
        "corpora": {
            name: {
                **_numbers(together(parts)),
                "documents": [
                    {"document": document.name, **_numbers(part)}
                    for document, part in zip(tests, parts, strict=True)
                ],
            }
            for name, parts in found.items()
        },
    }
    if args.output is not None:
        partial = args.output.with_name(f"{args.output.name}.partial")
        try:
            partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
            partial.replace(args.output)
        finally:
            partial.unlink(missing_ok=True)
        _say(f"{args.output}: written")
    return content


def _check(args: argparse.Namespace) -> None:
    if not args.test and not args.benchmarks:
        raise ValueError("no test text: say --test FILE, or --benchmarks NAME")
    if args.ngram < 1:
        raise ValueError(f"--ngram is {args.ngram}; it must be at least 1")
    if args.output is not None and not args.output.absolute().parent.is_dir():
        raise FileNotFoundError(f"{args.output}: there is no folder {args.output.absolute().parent}")


def _name(patterns: Sequence[str]) -> str:
    return patterns[0] + (f" and {len(patterns) - 1} more" if len(patterns) > 1 else "")


def _pieces(path: Path, text_field: str) -> Iterator[tuple[str, Iterator[str]]]:
    """Documents of a file: a plain text is one, of records each is; with their pieces."""
    if suffix(path) in TEXT_SUFFIXES:
        yield str(path), (text for text, _ in read_text(path, 0, None))
    else:
        for number, record in enumerate(read_records(path, text_field)):
            yield f"{path}:{number}", iter([record.text])


def _test_files(args: argparse.Namespace) -> Iterator[TestDocument]:
    for each in find_files(args.test, "test") if args.test else []:
        for name, pieces in _pieces(each.path, args.text_field):
            yield TestDocument(name, np.concatenate(list(document_prints(pieces, args.ngram))))


def _benchmarks(args: argparse.Namespace) -> Iterator[TestDocument]:
    if not args.benchmarks:
        return
    from gpt_toolkit.evaluation.registry import find  # which imports torch

    names = [name.strip() for name in args.benchmarks.split(",")]
    root = None if args.root is None else Path(args.root).expanduser()
    for benchmark in find(names):
        for number, row in enumerate(benchmark.source.read(root, None, check=False).rows):
            yield TestDocument(f"{benchmark.name}:{number}", fingerprints(text_of(row), args.ngram))


def text_of(row: Any) -> str:
    """All texts of a benchmark's row, on lines of their own."""
    if isinstance(row, str):
        return row
    return "\n".join(filter(None, map(text_of, row))) if isinstance(row, tuple) else ""


def _overlap(
    args: argparse.Namespace, tests: Sequence[TestDocument], name: str, files: Sequence[Path]
) -> list[Shared]:
    prints = [document.prints for document in tests]
    if not args.bloom:
        wanted = Wanted(prints)
        for part in _training_prints(args, name, files):
            wanted.see(part)
        known: Known = wanted
    else:
        capacity = args.capacity or max(1, sum(map(_text_bytes, files)) // _BYTES_A_WORD)
        bloom = BloomFilter(capacity, args.bound)
        _say(f"{name}: a filter of {bloom.n_bytes / 1e6:,.0f} MB for {capacity:,} runs")
        for part in _training_prints(args, name, files):
            bloom.add(part)
        if (rate := bloom.expected_false_positives()) > args.bound:
            _say(
                f"{name}: more runs than the filter was made for; it takes {rate:.1e} of absent runs for "
                f"present, not {args.bound:g}: raise --capacity, which is {capacity:,}"
            )
        known = bloom
    return shared(prints, known)


def _training_prints(args: argparse.Namespace, name: str, files: Sequence[Path]) -> Iterator[Prints]:
    total, passed = sum(path.stat().st_size for path in files) or 1, 0
    with ProgressBar(name) as progress:
        for path in files:
            for _, pieces in _pieces(path, args.text_field):
                yield from document_prints(_counted(pieces, progress, passed / total), args.ngram)
            passed += path.stat().st_size


def _counted(pieces: Iterator[str], progress: ProgressBar, share: float) -> Iterator[str]:
    for piece in pieces:
        yield piece
        progress.advance(utf8_length(piece), share)


def _text_bytes(path: Path) -> int:
    plain = suffix(path) in (".txt", ".jsonl")
    return path.stat().st_size * (1 if plain else _PACKED)


def _numbers(part: Shared) -> dict[str, Any]:
    share = None if math.isnan(part.share) else part.share
    return {"runs": part.n_runs, "found": part.n_found, "share": share}


def _table(n_words: int, found: dict[str, list[Shared]]) -> Table:
    shown = Table(box=None, pad_edge=False, header_style="bold")
    shown.add_column("training corpus", no_wrap=True)
    for head in (f"runs of {n_words}", "found", "share", "documents", "with some"):
        shown.add_column(head, justify="right", no_wrap=True)
    for name, parts in found.items():
        whole, touched = together(parts), sum(part.n_found > 0 for part in parts)
        numbers = (f"{whole.n_runs:,}", f"{whole.n_found:,}", f"{whole.share:.2%}")
        shown.add_row(name, *numbers, f"{len(parts):,}", f"{touched:,}")
    return shown


def _documents_table(tests: Sequence[TestDocument], name: str, parts: Sequence[Shared], n: int) -> Table:
    shown = Table(box=None, pad_edge=False, header_style="bold")
    shown.add_column(f"in {name}", no_wrap=True)
    for head in ("runs", "found", "share"):
        shown.add_column(head, justify="right", no_wrap=True)
    ranked = sorted(
        ((part, document.name) for part, document in zip(parts, tests, strict=True) if part.n_found),
        key=lambda pair: -pair[0].share,
    )
    for part, document in ranked[:n]:
        shown.add_row(document, f"{part.n_runs:,}", f"{part.n_found:,}", f"{part.share:.2%}")
    return shown
