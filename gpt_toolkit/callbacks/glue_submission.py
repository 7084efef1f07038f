"""Submission files of GLUE, made from predictions."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from gpt_toolkit.callbacks.checkpoints import explain_run_write_errors
from gpt_toolkit.io import write_text

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
"""File names that the benchmark's server expects, by dataset."""

TEST_EXAMPLES = {
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
"""Examples of each dataset's test split; another number means another split."""

_AS_NUMBERS = ("cola", "sst2", "mrpc", "qqp")


def write_submission(predictions: Iterable[Path], folder: Path) -> tuple[list[Path], list[str]]:
    """Write a file with ``index`` and ``prediction`` for each GLUE dataset among the predictions.

    Classes are written by name, or as 0 and 1 if GLUE has no names; grades as numbers. A dataset is left out
    if its number of examples is not that of GLUE's test split: the server would score other examples.

    Args:
        predictions: JSON lines of fine-tuning's ``predict``, one file or one for each device.
        folder: Output folder; created if anything is written.

    Returns:
        The files written, and for each dataset that was left out why.
    """
    by_dataset: dict[str, dict[int, str]] = {}
    for path in predictions:
        with path.open(encoding="utf-8") as file:
            for text in file:
                line = json.loads(text)
                name = line.get("set")
                if name == "mnli" and line.get("part") == "mismatched":
                    name = "mnli_mismatched"
                if name in FILES:
                    by_dataset.setdefault(name, {})[line["row"]] = _value(name, line)
    written, left_out = [], []
    for name, rows in by_dataset.items():
        path = folder / FILES[name]
        if len(rows) != TEST_EXAMPLES[name]:
            left_out.append(
                f"{FILES[name]} is not written: {len(rows):,} examples; GLUE's test split has "
                f"{TEST_EXAMPLES[name]:,}"
            )
            continue
        first = min(rows)  # mismatched examples are numbered after the matched ones
        lines = [f"{row - first}\t{rows[row]}\n" for row in sorted(rows)]
        with explain_run_write_errors(path):
            write_text(path, "index\tprediction\n" + "".join(lines))
        written.append(path)
    return written, left_out


def _value(name: str, line: dict[str, object]) -> str:
    if name in _AS_NUMBERS:
        probabilities = line["probabilities"]
        assert isinstance(probabilities, list)
        return str(probabilities.index(max(probabilities)))
    return f"{line['prediction']:.3f}" if name == "stsb" else str(line["prediction"])
