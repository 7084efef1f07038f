"""A long run of a tiny decoder, whose use of the system is recorded.

    python -m tests.faults.soak FOLDER --steps N --every N

A program of its own, so that the memory is that of one run. Prints a JSON report.
"""

import argparse
import csv
import json
import math
import os
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from gpt_toolkit.cli import lightning_cli, main
from tests.commands import CONFIG
from tests.small_runs import TEXT

PROCESS = Path("/proc/self")
LOGGED = 10  # steps between two rows of metrics.csv


class Resources(Callback):
    """Memory, open files (fd), threads (task) and size of ``last.ckpt`` at intervals, and logged losses."""

    def __init__(self, every: int) -> None:
        self.every = every
        self.samples: list[dict[str, int]] = []
        self.losses: dict[int, float] = {}

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        step = trainer.global_step
        if step % LOGGED == 0 or step == 1:
            self.losses[step] = float(outputs["loss"])
        if step % self.every == 0:
            last = Path(trainer.default_root_dir, "checkpoints", "last.ckpt")
            pages = int((PROCESS / "statm").read_text().split()[1])
            sample = {"step": step, "memory": pages * os.sysconf("SC_PAGE_SIZE")}
            sample |= {name: len(list((PROCESS / name).iterdir())) for name in ("fd", "task")}
            self.samples.append(sample | {"checkpoint": last.stat().st_size})


def wrong_rows(path: Path, losses: dict[int, float], every: int) -> list[str]:
    """Return the rows of metrics.csv that are missing, surplus or of another loss."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    wrong = [] if [int(row["step"]) for row in rows] == list(losses) else ["steps"]
    for row, (step, loss) in zip(rows, losses.items(), strict=False):
        same = math.isclose(float(row["train_loss"]), loss, rel_tol=1e-6)
        if not same or bool(row["val_loss"]) != (step % every == 0):
            wrong.append(row["step"])
    return wrong


def start() -> None:
    """Run as a program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--every", type=int, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    os.chdir(args.folder)
    os.environ["GPT_TOOLKIT_CACHE"] = str(Path("cache").absolute())
    Path("corpus.txt").write_text(TEXT, encoding="utf-8")
    Path("tiny.yaml").write_text(CONFIG, encoding="utf-8")
    resources = Resources(args.every)
    defaults: Any = lightning_cli.TRAINER_DEFAULTS
    defaults["callbacks"] = [resources]
    arguments = [
        *("fit", "--config", "tiny.yaml", "--trainer.max_steps", str(args.steps)),
        *("--trainer.val_check_interval", str(args.every)),
        *("--checkpoints.every_n_steps", str(args.every // 2), "--trainer.log_every_n_steps", str(LOGGED)),
    ]
    code = main(arguments)
    run = Path("runs/tiny")
    report = {
        "code": code,
        "samples": resources.samples,
        "checkpoints": sorted(path.name for path in (run / "checkpoints").iterdir()),
        "wrong_rows": wrong_rows(run / "metrics.csv", resources.losses, args.every),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    start()
