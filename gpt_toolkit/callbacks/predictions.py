"""Files of the results of ``predict``: JSON lines, and submissions to GLUE."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from gpt_toolkit.callbacks.checkpoint_writer import explain_run_write_errors
from gpt_toolkit.io import atomic_file, write_text


class Predictions(Callback):
    """Writer of ``predictions.jsonl`` in the run's folder: the lines that ``predict_step`` returns.

    With several devices each writes ``predictions-<rank>.jsonl``; at the end these are joined in the order
    of the ranks. Nodes that share no disk keep them as they are.
    """

    def __init__(self) -> None:
        self._file: IO[str] | None = None
        self._stack = contextlib.ExitStack()
        self._path = Path()

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open a file under a temporary name."""
        suffix = f"-{trainer.global_rank}" if trainer.world_size > 1 else ""
        self._path = Path(trainer.default_root_dir) / f"predictions{suffix}.jsonl"
        with explain_run_write_errors(self._path):
            partial = self._stack.enter_context(atomic_file(self._path))
            self._file = self._stack.enter_context(partial.open("w", encoding="utf-8"))

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Write the batch's lines."""
        assert self._file is not None
        with explain_run_write_errors(self._path):
            self._file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in outputs)

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Give the file its name and join those of all devices."""
        with explain_run_write_errors(self._path):
            self._stack.close()
        if trainer.world_size > 1:
            trainer.strategy.barrier()  # until every device has renamed its file
        if trainer.is_global_zero:
            print(f"predictions: {self._join(trainer.world_size)}")

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Remove the incomplete file."""
        with contextlib.suppress(OSError):  # the disk may be full
            self._stack.__exit__(type(exception), exception, exception.__traceback__)

    def _join(self, world_size: int) -> Path:
        """Return the joined file, if those of all devices are on this disk, else this device's own."""
        whole = self._path.with_name("predictions.jsonl")
        parts = [whole.with_name(f"predictions-{rank}.jsonl") for rank in range(world_size)]
        if world_size == 1 or not all(part.is_file() for part in parts):
            return self._path
        with explain_run_write_errors(whole):
            with atomic_file(whole) as partial, partial.open("wb") as file:
                for part in parts:
                    with part.open("rb") as lines:
                        shutil.copyfileobj(lines, file)
            for part in parts:
                part.unlink()
        return whole


GLUE_TEST = {
    "cola": ("CoLA.tsv", 1_063),
    "sst2": ("SST-2.tsv", 1_821),
    "mrpc": ("MRPC.tsv", 1_725),
    "stsb": ("STS-B.tsv", 1_379),
    "qqp": ("QQP.tsv", 390_965),
    "mnli": ("MNLI-m.tsv", 9_796),
    "mnli_mismatched": ("MNLI-mm.tsv", 9_847),
    "qnli": ("QNLI.tsv", 5_463),
    "rte": ("RTE.tsv", 3_000),
}
"""File name that the benchmark's server expects, and examples of the test split, by dataset."""

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
                name = line.get("dataset")
                if name == "mnli" and line.get("subset") == "mismatched":
                    name = "mnli_mismatched"
                if name in GLUE_TEST:
                    by_dataset.setdefault(name, {})[line["example"]] = _value(name, line)
    written, left_out = [], []
    for name, rows in by_dataset.items():
        file_name, n_examples = GLUE_TEST[name]
        if len(rows) != n_examples:
            left_out.append(
                f"{file_name} is not written: {len(rows):,} examples; GLUE's test split has {n_examples:,}"
            )
            continue
        path = folder / file_name
        first = min(rows)  # mismatched examples are numbered after the matched ones
        lines = [f"{row - first}\t{rows[row]}\n" for row in sorted(rows)]
        with explain_run_write_errors(path):
            write_text(path, "index\tprediction\n" + "".join(lines))
        written.append(path)
    return written, left_out


def _value(name: str, line: dict[str, Any]) -> str:
    if name in _AS_NUMBERS:
        probabilities = list(line["probabilities"].values())
        return str(probabilities.index(max(probabilities)))
    return f"{line['prediction']:.3f}" if name == "stsb" else str(line["prediction"])
