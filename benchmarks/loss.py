"""The loss compared with linear + cross-entropy and with torch's chunked loss: time, memory, error; in turns.

    python benchmarks/loss.py --output loss.json

Each computes the loss and both gradients from hidden states and the tied matrix, in fp32 and, if the CPU
has bf16 instructions, under bf16 autocast. The three matrix products cannot be avoided; their time,
measured in the same run, is the bound. Memory is that of the process above its imports and includes inputs
and gradients, which all must hold. Errors are relative to the same loss in float64, on fewer rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.side_by_side import (
    add_dtypes,
    argument_parser,
    autocast,
    keep,
    parse,
    print_machine,
    print_table,
    stamp,
)
from benchmarks.workers import Turns, Worker, choose_start_method, compare
from gpt_toolkit.batches import IGNORE_INDEX
from gpt_toolkit.losses import linear_cross_entropy

OURS, PLAIN, PRODUCTS = "gpt_toolkit", "plain", "the products alone"
CHUNKED, CHUNKED_LOW = "torch, chunked", "torch, chunked, inputs cast"
IGNORED = 0.05  # fraction of the labels

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Shape:
    """Rows of hidden states, their width, and the vocabulary."""

    rows: int
    width: int
    vocab_size: int

    @property
    def name(self) -> str:
        return f"N {self.rows:,}, D {self.width}, V {self.vocab_size:,}"


@dataclass(frozen=True)
class Plan:
    """Sizes of the measurement.

    Args:
        shapes: Shapes of the inputs.
        error_rows: Number of rows for the errors.
        rounds: Rounds of each contestant.
    """

    shapes: tuple[Shape, ...]
    error_rows: int
    rounds: int


def full_plan(rounds: int) -> Plan:
    return Plan((Shape(4096, 384, 50_304), Shape(1024, 768, 50_304)), 256, rounds)


def quick_plan() -> Plan:
    """Return a plan of a few seconds that checks that everything runs; its figures mean nothing."""
    return Plan((Shape(64, 16, 1000),), 32, 1)


def made_inputs(shape: Shape) -> tuple[Tensor, Tensor, Tensor]:
    """Return hidden states as after a layer norm, a matrix as initialized in GPT-2, and random labels."""
    draw = torch.Generator().manual_seed(0)
    hidden = torch.randn(shape.rows, shape.width, generator=draw)
    weight = 0.02 * torch.randn(shape.vocab_size, shape.width, generator=draw)
    labels = torch.randint(shape.vocab_size, (shape.rows,), generator=draw)
    labels[torch.rand(shape.rows, generator=draw) < IGNORED] = IGNORE_INDEX
    return hidden.requires_grad_(), weight.requires_grad_(), labels


# ---------------------------------------------------------------------- contestants


def plain(hidden: Tensor, weight: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(F.linear(hidden, weight), labels, reduction="sum")


def chunked(hidden: Tensor, weight: Tensor, labels: Tensor) -> Tensor:
    """Compute torch's chunked loss; autocast has no effect on it, so fp32 inputs stay fp32."""
    options = torch.nn.LinearCrossEntropyOptions()
    loss: Tensor = F.linear_cross_entropy(hidden, weight, labels, reduction="sum", options=options)
    return loss


def chunked_low(hidden: Tensor, weight: Tensor, labels: Tensor) -> Tensor:
    return chunked(hidden.bfloat16(), weight.bfloat16(), labels).float()


def products(hidden: Tensor, weight: Tensor, labels: Tensor) -> Tensor:
    """Compute only the matrix products that every loss with gradients needs."""
    dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else torch.float32
    with torch.no_grad(), torch.autocast("cpu", enabled=False):
        rows, matrix = hidden.to(dtype), weight.to(dtype)
        for start in range(0, len(rows), 512):
            part = rows[start : start + 512]
            logits = part @ matrix.t()
            logits @ matrix
            logits.t() @ part
    return hidden.sum() * 0.0 + weight.sum() * 0.0


LOSSES: dict[str, Loss] = {
    OURS: linear_cross_entropy,
    PLAIN: plain,
    CHUNKED: chunked,
    CHUNKED_LOW: chunked_low,
    PRODUCTS: products,
}


def contestants(dtype: str) -> list[str]:
    """Return the losses to compare; torch before 2.13 has no chunked loss, and below fp32 inputs are cast."""
    absent = {CHUNKED_LOW} if dtype == "float32" else set()
    if not hasattr(F, "linear_cross_entropy"):
        absent = {CHUNKED, CHUNKED_LOW}
    return [name for name in LOSSES if name not in absent]


def gradients(
    loss: Loss, inputs: tuple[Tensor, Tensor, Tensor], dtype: str
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    hidden, weight, labels = inputs
    hidden.grad = weight.grad = None
    with autocast("bf16-mixed" if dtype == "bfloat16" else "32-true"):
        value = loss(hidden, weight, labels)
    value.backward()  # type: ignore[no-untyped-call]
    return value.detach(), hidden.grad, weight.grad


def work(turns: Turns, name: str, shape: Shape, dtype: str) -> None:
    """Compute a loss and its gradients in each round."""
    step = partial(gradients, LOSSES[name], made_inputs(shape), dtype)
    step()
    while turns.wait():
        step()


# ---------------------------------------------------------------------- what is measured


def measure(plan: Plan, shape: Shape, dtype: str) -> dict[str, Any]:
    """Measure time and memory of all contestants at a shape."""
    workers = {name: partial(Worker, work, name, shape, dtype) for name in contestants(dtype)}
    seconds, said = compare(workers, plan.rounds)
    times = {name: median(each) for name, each in seconds.items()}
    memory = {name: each["work_mb"] for name, each in said.items()}
    del memory[PRODUCTS]
    return {
        "shape": shape.name,
        "dtype": dtype,
        "median_seconds": times,
        "speed_ratio": {name: times[name] / times[OURS] for name in times if name != OURS},
        "memory_mb": memory,
        "inputs_and_gradients_mb": 8 * shape.width * (shape.rows + shape.vocab_size) / 1e6,
        "memory_ratio": {name: memory[OURS] / memory[name] for name in memory if name != OURS},
        "error": errors(Shape(min(plan.error_rows, shape.rows), shape.width, shape.vocab_size), dtype),
        "seconds": seconds,
    }


def errors(shape: Shape, dtype: str) -> dict[str, dict[str, float]]:
    """Measure the relative errors of the loss and of both gradients against float64."""
    inputs = made_inputs(shape)
    hidden, weight, labels = inputs
    doubled = hidden.detach().double().requires_grad_(), weight.detach().double().requires_grad_(), labels
    exact = gradients(plain, doubled, "float64")
    found = {}
    for name in contestants(dtype):
        if name != PRODUCTS:
            pairs = zip(gradients(LOSSES[name], inputs, dtype), exact, strict=True)
            parts = [float((a.double() - b).norm() / b.norm()) for a, b in pairs]  # type: ignore[operator, union-attr]
            found[name] = dict(zip(("loss", "gradient of hidden", "gradient of matrix"), parts, strict=True))
    return found


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark and return the exit code."""
    parser = argument_parser(__doc__, rounds=5)
    add_dtypes(parser)
    args = parse(parser, argv)
    choose_start_method("gpt_toolkit.losses", quick=args.quick)
    plan = quick_plan() if args.quick else full_plan(args.rounds)
    about = stamp([])
    results = [measure(plan, shape, dtype) for shape in plan.shapes for dtype in args.dtypes]
    print_machine(about)
    for each in results:
        print(f"\n{each['shape']}, {each['dtype']}; {each['inputs_and_gradients_mb']:,.0f} MB", end=" ")
        print("are inputs and gradients")
        rows = []
        for name, seconds in each["median_seconds"].items():
            error = each["error"].get(name, {})
            memory = [each["memory_mb"][name]] if name in each["memory_mb"] else [""]
            rows.append([name, 1000 * seconds, *memory, *(f"{value:.1e}" for value in error.values())])
            rows[-1] += [""] * (6 - len(rows[-1]))
        heads = ["", "ms", "MB", "error: loss", "hidden", "matrix"]
        print_table(heads, rows)
        print(f"ours is {each['speed_ratio'][PLAIN]:.2f} times as fast as plain", end=", ")
        print(f"in {each['memory_ratio'][PLAIN]:.2f} of its memory")
    keep(args, {"machine": about, "dtypes": args.dtypes, "rounds": plan.rounds, "results": results})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
