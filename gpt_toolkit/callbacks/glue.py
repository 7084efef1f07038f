"""GLUE's submission files, out of predictions."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from gpt_toolkit.callbacks.disk import writing

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

_AS_NUMBERS = ("cola", "sst2", "mrpc", "qqp")


def write_submission(predictions: Iterable[Path], folder: Path) -> list[Path]:
    """Write a file for each of GLUE's sets among the predictions: ``index`` and ``prediction``, by row.

    Classes are written by name, or as 0 and 1 where GLUE has no names; grades as numbers.

    Args:
        predictions: JSON lines of fine-tuning's ``predict``, one file or one for each device.
        folder: Where to; made if there is anything to write.

    Returns:
        The files written.
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
    written = []
    for name, rows in by_set.items():
        path = folder / FILES[name]
        first = min(rows)  # the mismatched rows follow the matched ones
        with writing(path):
            folder.mkdir(parents=True, exist_ok=True)
            lines = [f"{row - first}\t{rows[row]}\n" for row in sorted(rows)]
            partial = path.with_suffix(".partial")
            partial.write_text("index\tprediction\n" + "".join(lines), encoding="utf-8")
            partial.replace(path)
        written.append(path)
    return written


def _value(name: str, line: dict[str, object]) -> str:
    if name in _AS_NUMBERS:
        shares = line["probabilities"]
        assert isinstance(shares, list)
        return str(shares.index(max(shares)))
    return f"{line['prediction']:.3f}" if name == "stsb" else str(line["prediction"])
