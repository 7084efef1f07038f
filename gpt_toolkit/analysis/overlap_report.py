"""Overlap of test texts with training corpora, counted over files and printed."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.table import Table

from gpt_toolkit.analysis.ngram_overlap import (
    BloomFilter,
    Fingerprints,
    NgramIndex,
    Overlap,
    TestNgramIndex,
    document_fingerprints,
    fingerprints,
    overlaps,
    total_overlap,
)
from gpt_toolkit.data.pretraining.corpus import utf8_length
from gpt_toolkit.data.pretraining.text_files import find_files, is_plain_text, read_documents, suffix
from gpt_toolkit.io import write_json
from gpt_toolkit.progress import CONSOLE, ProgressBar, output_console

_BYTES_A_WORD = 4  # of running text at least, with its space; tuned here, for the size of a filter
_PACKED = 3  # estimated ratio of unpacked to packed text


class TestDocument(NamedTuple):
    """A document of the test text, and the fingerprints of its n-grams."""

    name: str
    prints: Fingerprints


def report(args: argparse.Namespace) -> None:
    """Count the overlaps, print the tables, and write ``args.output``.

    Args:
        args: Options of ``gpt-toolkit overlap``.

    Raises:
        FileNotFoundError: If a file or folder is not found.
        ValueError: If an option is out of range, or the test text has no n-grams.
    """
    _check(args)
    corpora = {}
    for patterns in args.train:
        name = patterns[0] + (f" and {len(patterns) - 1} more" if len(patterns) > 1 else "")
        corpora[name] = list(find_files(patterns, "train"))
    tests = [*_file_documents(args), *_benchmark_documents(args)]
    if not any(len(document.prints) for document in tests):
        raise ValueError(
            f"test text: no {args.ngram}-grams; expected some; give more text by --test or --benchmarks"
        )
    found = {name: _count(args, tests, name, files) for name, files in corpora.items()}
    _print_tables(args, tests, found)
    if args.output is not None:
        write_json(args.output, _content(args, tests, found))
        _say(f"{args.output}: written")


def _say(text: str) -> None:
    CONSOLE.print(text, markup=False, highlight=False, soft_wrap=True)


def _check(args: argparse.Namespace) -> None:
    if not args.test and not args.benchmarks:
        raise ValueError("test text: none; expected --test FILE or --benchmarks NAME")
    if args.ngram < 1:
        raise ValueError(f"--ngram: {args.ngram}; expected at least 1")
    if args.output is not None and not (folder := args.output.absolute().parent).is_dir():
        raise FileNotFoundError(
            f"--output: {args.output}; expected a file in an existing folder; create {folder}"
        )


# ------------------------------------------------------------------ reading and counting


def _documents(path: Path, text_field: str) -> Iterator[tuple[str, Iterator[str]]]:
    """Yield names and pieces of a file's documents: a plain text is one, each record is one."""
    for number, document in enumerate(read_documents(path, text_field)):
        yield str(path) if is_plain_text(path) else f"{path}:{number}", document


def _file_documents(args: argparse.Namespace) -> Iterator[TestDocument]:
    for path in find_files(args.test, "test") if args.test else []:
        for name, pieces in _documents(path, args.text_field):
            prints = np.concatenate(list(document_fingerprints(pieces, args.ngram)))
            yield TestDocument(name, prints)


def _benchmark_documents(args: argparse.Namespace) -> Iterator[TestDocument]:
    if not args.benchmarks:
        return
    from gpt_toolkit.evaluation.registry import find  # imports torch

    names = [name.strip() for name in args.benchmarks.split(",")]
    root = None if args.root is None else Path(args.root).expanduser()
    for benchmark in find(names):
        for number, item in enumerate(benchmark.read(root, check=False).items):
            yield TestDocument(f"{benchmark.name}:{number}", fingerprints(_text_of(item), args.ngram))


def _text_of(item: Any) -> str:
    """Return all texts of a benchmark's item, each on its own line."""
    if isinstance(item, str):
        return item
    return "\n".join(filter(None, map(_text_of, item))) if isinstance(item, tuple) else ""


def _count(
    args: argparse.Namespace, tests: Sequence[TestDocument], name: str, files: Sequence[Path]
) -> list[Overlap]:
    """Read a corpus once; return the overlap of each test document."""
    documents = [document.prints for document in tests]
    index: NgramIndex
    if args.bloom:
        ratios = {path: 1 if suffix(path) in (".txt", ".jsonl") else _PACKED for path in files}
        n_bytes = sum(path.stat().st_size * ratio for path, ratio in ratios.items())
        capacity = args.capacity or max(1, n_bytes // _BYTES_A_WORD)
        index = bloom = BloomFilter(capacity, args.bound)
        _say(f"{name}: a filter of {bloom.n_bytes / 1e6:,.0f} MB for {capacity:,} n-grams")
    else:
        index, bloom = TestNgramIndex(documents), None
    for prints in _corpus_fingerprints(args, name, files):
        index.add(prints)
    if bloom is not None and (rate := bloom.expected_false_positives()) > args.bound:
        _say(
            f"{name}: more n-grams than the filter was made for; it finds {rate:.1e} of absent n-grams, not "
            f"{args.bound:g}; raise --capacity, which is {bloom.capacity:,}"
        )
    return overlaps(documents, index)


def _corpus_fingerprints(
    args: argparse.Namespace, name: str, files: Sequence[Path]
) -> Iterator[Fingerprints]:
    total, passed = sum(path.stat().st_size for path in files) or 1, 0
    with ProgressBar(name) as progress:

        def counted(pieces: Iterator[str]) -> Iterator[str]:
            for piece in pieces:
                yield piece
                progress.advance(utf8_length(piece), passed / total)

        for path in files:
            for _, pieces in _documents(path, args.text_field):
                yield from document_fingerprints(counted(pieces), args.ngram)
            passed += path.stat().st_size


# ------------------------------------------------------------------ output


def _content(
    args: argparse.Namespace, tests: Sequence[TestDocument], found: dict[str, list[Overlap]]
) -> dict[str, Any]:
    corpora = {}
    for name, parts in found.items():
        documents = [
            {"document": document.name, **_numbers(part)} for document, part in zip(tests, parts, strict=True)
        ]
        corpora[name] = {**_numbers(total_overlap(parts)), "documents": documents}
    index = f"Bloom filter, false positives at most {args.bound:g}" if args.bloom else "exact"
    return {"words": args.ngram, "index": index, "corpora": corpora}


def _numbers(part: Overlap) -> dict[str, Any]:
    fraction = None if math.isnan(part.fraction) else part.fraction
    return {"ngrams": part.n_ngrams, "found": part.n_found, "fraction": fraction}


def _table(first: str, *columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(first, no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _cells(part: Overlap) -> tuple[str, str, str]:
    return f"{part.n_ngrams:,}", f"{part.n_found:,}", f"{part.fraction:.2%}"


def _print_tables(
    args: argparse.Namespace, tests: Sequence[TestDocument], found: dict[str, list[Overlap]]
) -> None:
    table = _table("training corpus", f"{args.ngram}-grams", "found", "fraction", "documents", "with overlap")
    tables = [table]
    for name, parts in found.items():
        n_touched = sum(part.n_found > 0 for part in parts)
        table.add_row(name, *_cells(total_overlap(parts)), f"{len(parts):,}", f"{n_touched:,}")
        if args.documents:
            named = [(part, test.name) for part, test in zip(parts, tests, strict=True) if part.n_found]
            named.sort(key=lambda each: -each[0].fraction)
            tables.append(_table(f"in {name}", "n-grams", "found", "fraction"))
            for part, document in named[: args.documents]:
                tables[-1].add_row(document, *_cells(part))
    for each in tables:
        output_console().print(each)
