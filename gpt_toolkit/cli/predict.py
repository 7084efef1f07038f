"""``gpt-toolkit predict MODEL FILE``: labels of new texts, or surprisal of texts, words and minimal pairs.

A fine-tuned model gives each example its label and the probability of every label. Labels in the file are
not needed. A language model gives each text its bits, or each word with --by word: the space before a word
counts to the word, and a text begins after the end-of-text token. --by pair reads minimal pairs from columns
good and bad.

With --config NAME instead of MODEL, the Trainer predicts: see gpt-toolkit predict --config NAME --help.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

from gpt_toolkit.hardware import limit_threads
from gpt_toolkit.io import atomic_file

if TYPE_CHECKING:
    from gpt_toolkit.generation.language_model import LanguageModel
    from gpt_toolkit.inference.classifier import Classifier

EPILOG = """\
examples:
  gpt-toolkit predict runs/finetune reviews.csv
  gpt-toolkit predict runs/finetune reviews.jsonl --out labeled.csv --columns text=body
  gpt-toolkit predict runs/finetune --text "I liked it"
  gpt-toolkit predict runs/own/model stories.txt --by word --out words.csv
  gpt-toolkit predict gpt2 blimp.jsonl --by pair
"""

_CHUNK = 256
"""Examples that are read at once; tuned here: enough to form batches of similar lengths."""

Item = TypeVar("Item")
Row = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.epilog, parser.formatter_class = EPILOG, argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add("model", metavar="MODEL", help="folder of a run or model, .ckpt, or hub id such as gpt2")
    add(
        "file",
        metavar="FILE",
        nargs="?",
        help="read .csv, .tsv, .jsonl, .json or .parquet, or a text a line from .txt or - (stdin)",
    )
    add(
        "--text",
        action="append",
        nargs="+",
        metavar="TEXT",
        help="predict this example; a pair has two TEXTs, a question has document, question and each choice",
    )
    add("--out", type=Path, metavar="PATH", help="write .csv, .tsv, or else JSON lines (default: print)")
    add("--head", metavar="NAME", help="use the head of this dataset (default: the only one)")
    add(
        "--by",
        choices=("word", "token", "text", "pair"),
        help="compute bits of each word, token or text, or score minimal pairs (default: labels, or by text)",
    )
    add(
        "--columns",
        nargs="+",
        default=[],
        metavar="OPTION=NAME",
        help="name columns of FILE: text, text_a, text_b, document, question, answers, good, bad",
    )
    add(
        "--batch_size",
        type=int,
        default=32,
        metavar="N",
        help="read N examples at once (default: %(default)s)",
    )
    add("--device", default="auto", help="compute on auto, cpu, cuda, cuda:1, ... (default: %(default)s)")


def run(args: argparse.Namespace) -> int:
    """Run the command and return the exit code, 0."""
    from gpt_toolkit.hardware import device_named
    from gpt_toolkit.inference.classifier import Classifier
    from gpt_toolkit.inference.load_model import load

    if (args.file is None) == (args.text is None):
        raise ValueError(
            "predict: FILE and --text; expected one of them; give a file, - for stdin, or a text"
        )
    if args.batch_size < 1:
        raise ValueError(f"batch_size: {args.batch_size}; expected at least 1")
    if args.out is not None and args.file is not None and args.out.absolute() == Path(args.file).absolute():
        raise ValueError(f"--out {args.out}: is FILE itself; expected another path")
    columns = _columns(args.columns)
    device = device_named(args.device)
    limit_threads()
    model = load(args.model, device=device)
    for note in model.notes:
        _say(f"note: {note}")
    if isinstance(model, Classifier) and args.by is None:
        rows = _predictions(model, args, columns)
    elif args.head is not None:
        raise ValueError(
            f"--head {args.head}: goes with labels; expected no --by and a model with heads; leave it out"
        )
    elif args.by == "pair":
        rows = _pairs(model, args, columns)
    else:
        by = args.by or "text"
        if args.by is None:
            _say(f"{args.model}: a language model without heads, so bits of each text; see also --by")
            if model.datasets:
                _say("answers in text: gpt-toolkit predict --config RUN/config.yaml --ckpt_path best")
        rows = _surprisals(model, args, columns, by)
    _write(rows, args.out, is_table=args.by in ("word", "token"))
    return 0


def _columns(given: Iterable[str]) -> dict[str, Any]:
    """Return the columns by option; several columns of answers are a list."""
    columns: dict[str, Any] = {}
    for pair in given:
        option, equals, name = pair.partition("=")
        if not (option and equals and name):
            raise ValueError(f"--columns {pair}: expected OPTION=NAME, such as text=body")
        names = name.split(",")
        columns[option] = names if option == "answers" and len(names) > 1 else name
    return columns


# Rows


def _predictions(model: Classifier, args: argparse.Namespace, columns: Mapping[str, str]) -> Iterator[Row]:
    """Yield each example with its prediction, as ``predictions.jsonl`` has it."""
    from gpt_toolkit.class_predictions import prediction_line
    from gpt_toolkit.data.supervised.dataset import Example
    from gpt_toolkit.inference.example_files import open_examples

    head = model.head(args.head)
    if args.text is not None:
        examples: Iterable[Example] = (Example(tuple(t), None, i) for i, t in enumerate(args.text))
    else:
        dataset = open_examples(args.file, head, columns)
        for fact in dataset.facts:
            _say(fact)
        examples = dataset.examples("test")
    n = n_truncated = 0
    for chunk in _chunks(examples):
        texts = [example.texts for example in chunk]
        found = model.predict(texts, head=head.spec.name, batch_size=args.batch_size)
        n, n_truncated = n + len(found), n_truncated + sum(one.is_truncated for one in found)
        for example, prediction in zip(chunk, found, strict=True):
            subset = {"subset": example.subset} if example.subset else {}
            place = {"dataset": head.spec.name, "example": example.number, **subset}
            yield place | prediction_line(head.spec, prediction, example.texts, example.target)
    if n_truncated:
        _say(f"{n_truncated:,} of {n:,} examples are longer than the head's sequences and were truncated")


def _surprisals(
    model: LanguageModel, args: argparse.Namespace, columns: Mapping[str, str], by: Any
) -> Iterator[Row]:
    """Yield the bits of each text, or of its words or tokens."""
    from gpt_toolkit.inference.example_files import read_texts

    texts = read_texts(args.file, columns) if args.text is None else (" ".join(one) for one in args.text)
    number = 0
    for chunk in _chunks(texts):
        for text, units in zip(chunk, model.surprisal(chunk, by=by), strict=True):
            for position, unit in enumerate(units):
                if by == "text":
                    per_byte = unit.bits / len(text.encode())
                    values = {"bits": unit.bits, "n_tokens": unit.n_tokens, "bits_per_byte": per_byte}
                    yield {"example": number, "text": text, **values}
                else:
                    row = {"example": number, "position": position, by: unit.text, "bits": unit.bits}
                    yield row | ({"n_tokens": unit.n_tokens} if by == "word" else {})
            number += 1


def _pairs(model: LanguageModel, args: argparse.Namespace, columns: Mapping[str, str]) -> Iterator[Row]:
    """Yield the score of each minimal pair; report the accuracy at the end."""
    from gpt_toolkit.inference.example_files import read_pairs
    from gpt_toolkit.inference.minimal_pairs import describe_pairs, score_pairs

    if args.text is not None:
        if any(len(one) != 2 for one in args.text):
            raise ValueError("--text: expected two sentences for --by pair, the acceptable one first")
        pairs: Iterable[tuple[str, str]] = [(good, bad) for good, bad in args.text]
    else:
        pairs = read_pairs(args.file, columns)
    n = n_right = 0
    for chunk in _chunks(pairs):
        for score in score_pairs(model, chunk):
            yield {"example": n, **score._asdict(), "right": score.is_right}
            n, n_right = n + 1, n_right + score.is_right
    if n:
        _say(describe_pairs(n_right, n))


def _chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    remaining = iter(items)
    while chunk := list(islice(remaining, _CHUNK)):
        yield chunk


# Output


def _write(rows: Iterator[Row], out: Path | None, *, is_table: bool) -> None:
    """Print rows or write them to a file: completely, or not at all."""
    is_tsv = out is not None and out.suffix.lower() == ".tsv"
    is_table = is_table if out is None else is_tsv or out.suffix.lower() == ".csv"
    n_rows = 0
    with ExitStack() as stack:
        file: TextIO = sys.stdout
        if out is not None:
            partial = stack.enter_context(atomic_file(out))
            file = stack.enter_context(partial.open("w", encoding="utf-8", newline=""))
        table: csv.DictWriter[str] | None = None
        for row in rows:
            n_rows += 1
            if not is_table:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                continue
            flat = _flat(row)
            if table is None:
                delimiter = "\t" if is_tsv else ","
                table = csv.DictWriter(file, list(flat), delimiter=delimiter, lineterminator="\n", restval="")
                table.writeheader()
            table.writerow(flat)
    if out is not None:
        _say(f"predictions: {out}, {n_rows:,} rows")


def _flat(row: Row) -> Row:
    """Return a row as cells: texts and probabilities have a column each."""
    cells: Row = {}
    for name, value in row.items():
        if isinstance(value, dict):
            cells |= {f"{name}.{key}": inner for key, inner in value.items()}
        elif isinstance(value, list):
            cells |= {"text" if len(value) == 1 else f"text_{i + 1}": text for i, text in enumerate(value)}
        else:
            cells[name] = value
            if name == "prediction":
                cells["target"] = row.get("target", "")  # only some rows may have one
    return cells


def _say(line: str) -> None:
    print(line, file=sys.stderr)
