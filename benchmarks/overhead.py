"""Overhead of Lightning and the toolkit per step, compared with the same step in a plain loop, in turns.

    python benchmarks/overhead.py --output overhead.json

Decoder, loss, optimizer, windows and clipping are the same on both sides. Ours adds the Trainer, the hooks
and the throughput callback. A step of a hundred milliseconds shows the relative overhead, one of a few
milliseconds the absolute one.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import nn

from benchmarks.side_by_side import (
    add_precision,
    argument_parser,
    autocast,
    keep,
    parse,
    print_machine,
    print_table,
    stamp,
)
from benchmarks.trainers import TakesTurns, rounds_of, trainer_of
from benchmarks.training import data_of, recipe, write_text
from benchmarks.workers import Turns, Worker, choose_start_method, compare
from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.callbacks import Throughput
from gpt_toolkit.hardware import keep_freed_memory
from gpt_toolkit.losses import linear_cross_entropy
from gpt_toolkit.tasks import PretrainTask

OURS, BARE = "gpt_toolkit", "bare loop"
WARM_UP = 3  # steps


@dataclass(frozen=True)
class Shape:
    """One comparison.

    Args:
        name: Name of the comparison.
        config: Shape of the decoder; windows are as long as its context.
        batch: Windows per step.
        steps: Steps per round.
        most_ms: Limit of the overhead per step, in milliseconds; None: 3% of the step.
        text_bytes: Size of the training text.
    """

    name: str
    config: DecoderConfig
    batch: int
    steps: int
    most_ms: float | None
    text_bytes: int = 5_000_000


def full_shapes() -> list[Shape]:
    def decoder(n_layer: int, n_embd: int, n_ctx: int) -> DecoderConfig:
        return DecoderConfig(vocab_size=257, n_ctx=n_ctx, n_layer=n_layer, n_head=4, n_embd=n_embd)

    return [
        Shape("some milliseconds", decoder(2, 64, 32), 4, 100, 0.5),
        Shape("a hundred milliseconds and more", decoder(4, 256, 128), 16, 5, None),
    ]


def quick_shapes() -> list[Shape]:
    """Return shapes of a few seconds that check that everything runs; their figures mean nothing."""
    config = DecoderConfig(vocab_size=257, n_ctx=8, n_layer=1, n_head=2, n_embd=16)
    return [Shape("tiny", config, 2, 2, 0.5, text_bytes=10_000)]


def ours(turns: Turns, shape: Shape, text: Path, cache: Path, precision: str) -> None:
    """Train with the Trainer."""
    torch.manual_seed(0)
    trainer = trainer_of(
        precision=precision,
        max_steps=1_000_000,
        limit_val_batches=0,
        callbacks=[Throughput(), TakesTurns(turns, rounds_of(shape.steps, WARM_UP))],
    )
    data = data_of(shape.config, shape.batch, text, cache)
    trainer.fit(PretrainTask(shape.config.to_fields(), recipe()), datamodule=data)


def bare(turns: Turns, shape: Shape, text: Path, cache: Path, precision: str) -> None:
    """Train in a loop over the same parts."""
    torch.manual_seed(0)
    keep_freed_memory()
    data = data_of(shape.config, shape.batch, text, cache)
    data.prepare_data()
    data.setup("fit")
    decoder = Decoder(shape.config)
    optimizer = recipe().build(decoder)
    batches = iter(data.train_dataloader())

    def step() -> None:
        batch = next(batches)
        with autocast(precision):
            hidden = decoder(batch["input_ids"])
            loss = linear_cross_entropy(hidden, decoder.wte.weight, batch["labels"]) / batch["step_targets"]
        loss.backward()
        nn.utils.clip_grad_norm_(decoder.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    for _ in range(WARM_UP):
        step()
    while turns.wait():
        for _ in range(shape.steps):
            step()


def measure(shape: Shape, rounds: int, folder: Path, precision: str) -> dict[str, Any]:
    """Measure one comparison."""
    write_text(text := folder / "text.txt", shape.text_bytes)
    seconds, _ = compare(
        {
            OURS: lambda: Worker(ours, shape, text, folder / "ours", precision),
            BARE: lambda: Worker(bare, shape, text, folder / "bare", precision),
        },
        rounds,
    )
    of_a_step = {name: 1000 * median(times) / shape.steps for name, times in seconds.items()}
    target = 0.03 * of_a_step[BARE] if shape.most_ms is None else shape.most_ms
    return {
        "shape": shape.name,
        "decoder": shape.config.to_fields(),
        "batch": shape.batch,
        "ms_a_step": of_a_step,
        "cost_ms": of_a_step[OURS] - of_a_step[BARE],
        "target_ms": target,
        "seconds": seconds,
    }


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark and return the exit code."""
    parser = argument_parser(__doc__, rounds=9)
    add_precision(parser)
    args = parse(parser, argv)
    choose_start_method("gpt_toolkit.tasks", "gpt_toolkit.data.pretraining.datamodule", quick=args.quick)
    shapes, rounds = (quick_shapes(), 1) if args.quick else (full_shapes(), args.rounds)
    about = stamp(["lightning"])
    results = []
    for shape in shapes:
        with tempfile.TemporaryDirectory() as scratch:
            results.append(measure(shape, rounds, Path(scratch), args.precision))
    print_machine(about)
    print(f"{args.precision}; milliseconds of a step\n")
    rows = [[r["shape"], *r["ms_a_step"].values(), r["cost_ms"], r["target_ms"]] for r in results]
    print_table(["a step of", OURS, BARE, "costs", "may cost"], rows)
    keep(args, {"machine": about, "precision": args.precision, "rounds": rounds, "results": results})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
