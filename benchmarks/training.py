"""Throughput and memory of pre-training compared with a plain PyTorch loop, in turns.

    python benchmarks/training.py --output training.json

Ours is the whole toolkit: PretrainTask in the Trainer with windows of a CorpusDataModule. The other is a
plain loop as in nanoGPT, with torch's attention and a cross-entropy over all logits. Where a C compiler is
installed, it also runs with torch.compile. Shapes, precision, gradient clipping at 1 and fused AdamW are the
same. The text is random letters, because the ids do not
change the work. Memory is the peak of the whole process, imports included.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

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
from benchmarks.workers import Turns, Worker, choose_start_method, compare
from gpt_toolkit.backbone import DecoderConfig
from gpt_toolkit.data.pretraining.datamodule import CorpusDataModule
from gpt_toolkit.optim import AdamW
from gpt_toolkit.tasks import PretrainTask

OURS, THEIRS, COMPILED = "gpt_toolkit", "PyTorch loop", "compiled PyTorch loop"
WARM_UP = 2  # steps


@dataclass(frozen=True)
class Shape:
    """One comparison.

    Args:
        name: Name of the comparison.
        config: Shape of the decoder; windows are as long as its context.
        batch: Windows per step.
        steps: Steps per round.
        target: Lower limit of the throughput ratio in bf16.
        memory_target: Upper limit of the memory ratio in bf16; None if not set.
        text_bytes: Size of the training text.
    """

    name: str
    config: DecoderConfig
    batch: int
    steps: int
    target: float
    memory_target: float | None = None
    text_bytes: int = 1_000_000

    @property
    def tokens(self) -> int:
        """Number of tokens per step."""
        return self.batch * self.config.n_ctx


def full_shapes() -> list[Shape]:
    def small(vocab_size: int) -> DecoderConfig:
        return DecoderConfig(vocab_size=vocab_size, n_ctx=256, n_layer=6, n_head=6, n_embd=384)

    gpt2 = DecoderConfig.from_preset("gpt2", vocab_size=50304, n_ctx=512)
    return [
        Shape("6 x 384, V 2,048", small(2048), 16, 3, 1.05),
        Shape("6 x 384, V 50,304", small(50304), 16, 1, 1.35, 0.4),
        Shape("GPT-2 124M, T 512", gpt2, 2, 1, 1.3, 0.6),
    ]


def quick_shapes() -> list[Shape]:
    """Return shapes of a few seconds that check that everything runs; their figures mean nothing."""
    config = DecoderConfig(vocab_size=300, n_ctx=16, n_layer=2, n_head=2, n_embd=16)
    return [Shape("tiny", config, 2, 2, 1.0, 1.0, text_bytes=10_000)]


# ---------------------------------------------------------------------- ours


def data_of(config: DecoderConfig, batch: int, text: Path, cache: Path) -> CorpusDataModule:
    """Return the windows of the text, for training only."""
    os.environ["GPT_TOOLKIT_CACHE"] = str(cache)
    warnings.filterwarnings("ignore", module="lightning")
    return CorpusDataModule(
        files=str(text), val_fraction=0.0, tokenizer="bytes", n_ctx=config.n_ctx, batch_size=batch
    )


def recipe() -> AdamW:
    """Return the toolkit's optimizer with the settings of :func:`theirs`."""
    return AdamW(lr=3e-4, betas=(0.9, 0.95), weight_decay=0.1)


def ours(turns: Turns, shape: Shape, text: Path, cache: Path, precision: str) -> None:
    """Train with the toolkit."""
    torch.manual_seed(0)
    trainer = trainer_of(
        precision=precision,
        max_steps=1_000_000,
        limit_val_batches=0,
        callbacks=[TakesTurns(turns, rounds_of(shape.steps, WARM_UP))],
    )
    data = data_of(shape.config, shape.batch, text, cache)
    trainer.fit(PretrainTask(shape.config.to_fields(), recipe()), datamodule=data)


# ---------------------------------------------------------------------- the loop


class Attention(nn.Module):
    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.n_head = config.n_head
        self.projections = nn.Linear(config.n_embd, 3 * config.n_embd, bias=False)
        self.out = nn.Linear(config.n_embd, config.n_embd, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        q, k, v = (
            part.view(batch, length, self.n_head, width // self.n_head).transpose(1, 2)
            for part in self.projections(x).split(width, dim=2)
        )
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(y.transpose(1, 2).contiguous().view(batch, length, width))  # type: ignore[no-any-return]


class Layer(nn.Module):
    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        width = config.n_embd
        self.attention, self.norm_1, self.norm_2 = Attention(config), nn.LayerNorm(width), nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width, bias=False), nn.GELU(), nn.Linear(4 * width, width, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm_1(x))
        return x + self.mlp(self.norm_2(x))  # type: ignore[no-any-return]


class PlainGPT(nn.Module):
    """A plain GPT as in nanoGPT: no biases, exact GELU, tied output matrix, mean loss in the forward pass."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.tokens = nn.Embedding(config.vocab_size, config.n_embd)
        self.positions = nn.Embedding(config.n_ctx, config.n_embd)
        self.layers = nn.Sequential(*(Layer(config) for _ in range(config.n_layer)))
        self.norm = nn.LayerNorm(config.n_embd)
        self.head = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        self.head.weight = self.tokens.weight
        for parameter in self.parameters():
            if parameter.ndim == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, labels: Tensor) -> Tensor:
        x = self.tokens(ids) + self.positions(torch.arange(ids.shape[1]))
        logits = self.head(self.norm(self.layers(x)))
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), labels.reshape(-1))


def theirs(turns: Turns, shape: Shape, text: Path, precision: str, *, compiled: bool = False) -> None:
    """Train in a plain loop."""
    torch.manual_seed(0)
    model = PlainGPT(shape.config)
    if compiled:
        model.compile()
    groups = [[p for p in model.parameters() if (p.ndim == 2) == decays] for decays in (True, False)]
    optimizer = torch.optim.AdamW(
        [{"params": groups[0], "weight_decay": 0.1}, {"params": groups[1], "weight_decay": 0.0}],
        lr=3e-4,
        betas=(0.9, 0.95),
        fused=True,
    )
    ids = np.memmap(text, dtype=np.uint8, mode="r")
    length = shape.config.n_ctx

    def step() -> None:
        starts = torch.randint(len(ids) - length - 1, (shape.batch,)).tolist()
        windows = torch.from_numpy(np.stack([ids[i : i + length + 1].astype(np.int64) for i in starts]))
        with autocast(precision):
            loss = model(windows[:, :-1], windows[:, 1:])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    for _ in range(WARM_UP):
        step()
    while turns.wait():
        for _ in range(shape.steps):
            step()


# ---------------------------------------------------------------------- side by side


def write_text(path: Path, n_bytes: int) -> None:
    """Write random letters."""
    draw = random.Random(0)
    path.write_text("".join(draw.choices("abcdefgh ijklmn opqrst uvwxyz\n", k=n_bytes)), encoding="utf-8")


def measure(shape: Shape, rounds: int, folder: Path, precision: str, *, compiles: bool) -> dict[str, Any]:
    """Measure one comparison; ``compiles`` adds the compiled loop."""
    write_text(text := folder / "text.txt", shape.text_bytes)
    workers = {
        OURS: lambda: Worker(ours, shape, text, folder / "cache", precision),
        THEIRS: lambda: Worker(theirs, shape, text, precision),
    }
    if compiles:
        workers[COMPILED] = lambda: Worker(theirs, shape, text, precision, compiled=True)
    seconds, said = compare(workers, rounds)
    speed = {name: shape.steps * shape.tokens / median(times) for name, times in seconds.items()}
    memory = {name: each["peak_mb"] for name, each in said.items()}
    has_targets = precision == "bf16-mixed"
    return {
        "shape": shape.name,
        "decoder": shape.config.to_fields(),
        "batch": shape.batch,
        "steps_a_round": shape.steps,
        "tokens_per_second": speed,
        "ratio": {name: speed[OURS] / speed[name] for name in speed if name != OURS},
        "target": shape.target if has_targets else None,
        "peak_mb": memory,
        "peak_mb_before_training": {name: each["peak_mb_before"] for name, each in said.items()},
        "memory_ratio": {name: memory[OURS] / memory[name] for name in memory if name != OURS},
        "memory_target": shape.memory_target if has_targets else None,
        "states_mb": 16 * shape.config.n_params / 1e6,
        "gflops": speed[OURS] * shape.config.flops_per_token / 1e9,
        "seconds": seconds,
    }


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark and return the exit code."""
    parser = argument_parser(__doc__, rounds=7)
    parser.add_argument(
        "--shape", type=int, choices=(1, 2, 3), metavar="N", help="only the N-th shape of the three"
    )
    add_precision(parser)
    args = parse(parser, argv)
    choose_start_method("gpt_toolkit.tasks", "gpt_toolkit.data.pretraining.datamodule", quick=args.quick)
    shapes, rounds = (quick_shapes(), 1) if args.quick else (full_shapes(), args.rounds)
    if args.shape and not args.quick:
        shapes = shapes[args.shape - 1 : args.shape]
    about = stamp(["lightning"])
    results = []
    for shape in shapes:
        with tempfile.TemporaryDirectory() as scratch:
            compiles = not args.quick and any(map(shutil.which, ("cc", "gcc", "clang")))
            results.append(measure(shape, rounds, Path(scratch), args.precision, compiles=compiles))
    print_machine(about)
    print(f"{args.precision}; tokens a second, highest memory of the process\n")
    heads = ["", "tokens/s", "ours to it", "MB", "ours to it"]
    rows = []
    for each in results:
        for name, speed in each["tokens_per_second"].items():
            ratio, memory_ratio = (each[of].get(name, 1.0) for of in ("ratio", "memory_ratio"))
            memory = each["peak_mb"][name]
            rows.append([f"{each['shape']}, {name}", speed, ratio, memory, memory_ratio])
    print_table(heads, rows)
    print()
    bounds = [[each["shape"], each["states_mb"], each["gflops"]] for each in results]
    print_table(["", "states MB", "our GFLOP/s"], bounds)
    print("\nstates: weights, gradients and AdamW's two averages in fp32, which either has to hold")
    keep(args, {"machine": about, "precision": args.precision, "rounds": rounds, "results": results})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
