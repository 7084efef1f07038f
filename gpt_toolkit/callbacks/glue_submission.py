"""GLUE's submission files, out of predictions."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from gpt_toolkit.callbacks.write_errors import writing

FILES = {
    "cola": "CoLA.tsv",
    "sst2": "SST-2.tsv",
    "mrpc": "MRPC.tsv",
    "stsb": "STS-B.tsv",
    "qqp": "QQP.tsv",
    "mnli": "MNLI-m.tsv",
    "mnli_mismatched": "MNLI-mm.tsv",
    "qnli": "QNLI.tsv",
    "rte": "RTE.tsv",
}
"""What the benchmark's server expects each set's predictions to be called."""

TEST_ROWS = {
    "cola": 1_063,
    "sst2": 1_821,
    "mrpc": 1_725,
    "stsb": 1_379,
    "qqp": 390_965,
    "mnli": 9_796,
    "mnli_mismatched": 9_847,
    "qnli": 5_463,
    "rte": 3_000,
}
"""Rows of each set's test split; other numbers are other rows, such as those for validation."""

_AS_NUMBERS = ("cola", "sst2", "mrpc", "qqp")


def write_submission(predictions: Iterable[Path], folder: Path) -> tuple[list[Path], list[str]]:
    """Write a file for each of GLUE's sets among the predictions: ``index`` and ``prediction``, by row.

    Classes are written by name, or as 0 and 1 where GLUE has no names; grades as numbers. A set whose rows
    are not as many as GLUE's test split has is left out, for the server would judge other rows.

    Args:
        predictions: JSON lines of fine-tuning's ``predict``, one file or one for each device.
        folder: Where to; made if there is anything to write.

    Returns:
        The files written, and for each set that was left out why.
    """
    by_set: dict[str, dict[int, str]] = {}
    for path in predictions:
        with path.open(encoding="utf-8") as file:
            for text in file:
                line = json.loads(text)
                name = line.get("set")
                if name == "mnli" and line.get("part") == "mismatched":
                    name = "mnli_mismatched"
                if name in FILES:
                    by_set.setdefault(name, {})[line["row"]] = _value(name, line)
    written, left_out = [], []
    for name, rows in by_set.items():
        path = folder / FILES[name]
        if len(rows) != TEST_ROWS[name]:
            left_out.append(
                f"{FILES[name]} is not written: {len(rows):,} rows, GLUE's test split has {TEST_ROWS[name]:,}"
            )
            continue
        first = min(rows)  # the mismatched rows follow the matched ones
        with writing(path):
            folder.mkdir(parents=True, exist_ok=True)
            lines = [f"{row - first}\t{rows[row]}\n" for row in sorted(rows)]
            partial = path.with_suffix(".partial")
            partial.write_text("index\tprediction\n" + "".join(lines), encoding="utf-8")
            partial.replace(path)
        written.append(path)
    return written, left_out


def _value(name: str, line: dict[str, object]) -> str:
    if name in _AS_NUMBERS:
        shares = line["probabilities"]
        assert isinstance(shares, list)
        return str(shares.index(max(shares)))
    return f"{line['prediction']:.3f}" if name == "stsb" else str(line["prediction"])
