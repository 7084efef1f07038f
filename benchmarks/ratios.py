"""Ratios of each benchmark's report that the guard compares: our value divided by another implementation's.

A machine's clock affects both sides of a ratio alike, so a new ratio can be compared with a recorded one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Report = Mapping[str, Any]


@dataclass(frozen=True)
class Bound:
    """A target for the ratio, or for our value itself.

    Args:
        value: Lower limit if higher is better, else upper limit.
        of_ours: Whether the limit applies to our value, in its unit, instead of the ratio.
    """

    value: float
    of_ours: bool = False


@dataclass(frozen=True)
class Ratio:
    """Our value and another implementation's.

    Args:
        what: Name of the ratio.
        unit: Unit of both values.
        ours: The toolkit's value.
        beside: Name of the other implementation.
        other: Its value.
        higher_is_better: Whether higher values are better.
        target: Target, if one is set.
    """

    what: str
    unit: str
    ours: float
    beside: str
    other: float
    higher_is_better: bool = True
    target: Bound | None = None

    @property
    def value(self) -> float:
        """Our value divided by the other."""
        return self.ours / self.other

    @property
    def met(self) -> bool | None:
        """True if the target is reached; None if no target is set."""
        if self.target is None:
            return None
        measured = self.ours if self.target.of_ours else self.value
        return measured >= self.target.value if self.higher_is_better else measured <= self.target.value


def training(report: Report) -> Iterator[Ratio]:
    for each in report["results"]:
        for what, unit, key, target, higher in (
            ("training", "tokens/s", "tokens_per_second", "target", True),
            ("training, memory", "MB", "peak_mb", "memory_target", False),
        ):
            bound = Bound(each[target]) if each[target] is not None else None
            ours, loop = each[key]["gpt_toolkit"], "PyTorch loop"
            yield Ratio(f"{what}, {each['shape']}", unit, ours, loop, each[key][loop], higher, bound)
            if (other := each[key].get(compiled := "compiled PyTorch loop")) is not None:
                yield Ratio(f"{what}, {each['shape']}, to compiled", unit, ours, compiled, other, higher)


def loss(report: Report) -> Iterator[Ratio]:
    for each in report["results"]:
        name = f"{each['shape']}, {each['dtype']}"
        times, memory = each["median_seconds"], each["memory_mb"]
        for what, unit, of, scale in (("loss", "ms", times, 1000.0), ("loss, memory", "MB", memory, 1.0)):
            for beside in of:
                if beside not in ("gpt_toolkit", "the products alone"):
                    ours, other = scale * of["gpt_toolkit"], scale * of[beside]
                    target = Bound(1.0)
                    yield Ratio(f"{what}, {name}, to {beside}", unit, ours, beside, other, False, target)


def generation(report: Report) -> Iterator[Ratio]:
    targets = {("bfloat16", 1): 60.0, ("bfloat16", 8): 300.0}
    for each in report["results"]:
        speed, key = each["tokens_per_second"], (each["dtype"], each["batch"])
        for name, other in speed.items():
            if name.startswith("gpt_toolkit"):
                continue
            is_first = name == "transformers"
            what = f"generation, {each['dtype']}, batch {each['batch']}" + (
                "" if is_first else f", to {name}"
            )
            target = Bound(targets[key], of_ours=True) if is_first and key in targets else None
            yield Ratio(what, "tokens/s", speed["gpt_toolkit"], name, other, target=target)


def lambada(report: Report) -> Iterator[Ratio]:
    speed = report["items_per_second"]
    other = "lm-eval hf, float32"
    for dtype, target in (("float32", 1.6), ("bfloat16", 3.5)):
        if dtype not in report["dtypes"]:
            continue
        ours = speed[f"gpt_toolkit, {dtype}"]
        yield Ratio(f"LAMBADA, {dtype}", "items/s", ours, other, speed[other], target=Bound(target))


def finetune(report: Report) -> Iterator[Ratio]:
    speed = report["speed"]["examples_per_second"]
    ours = speed["gpt_toolkit"]
    for name, target in (("random batches", Bound(60.0, of_ours=True)), ("sorted by length", None)):
        other = f"transformers, {name}"
        yield Ratio(f"fine-tuning, to {name}", "examples/s", ours, other, speed[other], target=target)
    with_l1, other = speed["gpt_toolkit, with L1"], "transformers, sorted, with L1"
    yield Ratio("fine-tuning with L1", "examples/s", with_l1, other, speed[other])
    if "auxiliary" in report:
        rates = report["auxiliary"]["examples_per_second"]
        ours, other = rates["lm_coef 0.5"], rates["lm_coef 0.0"]
        yield Ratio("fine-tuning, what L1 costs", "examples/s", ours, "without L1", other)


def overhead(report: Report) -> Iterator[Ratio]:
    for each in report["results"]:
        of_a_step = each["ms_a_step"]
        ours, other = of_a_step["gpt_toolkit"], of_a_step["bare loop"]
        target = Bound(round(1 + each["target_ms"] / other, 3))
        yield Ratio(f"a step of {each['shape']}", "ms", ours, "bare loop", other, False, target)


def prepare(report: Report) -> Iterator[Ratio]:
    speed = report["mb_per_second"]
    fast = speed.get("gpt_toolkit[fast]")
    for beside, other in speed.items():
        if beside not in (
            "gpt_toolkit",
            "gpt_toolkit, reading alone",
            "gpt_toolkit[fast]",
            "gigatoken alone",
        ):
            target = Bound(report["target"], of_ours=True) if beside == "tiktoken alone" else None
            yield Ratio(f"prepare, to {beside}", "MB/s", speed["gpt_toolkit"], beside, other, target=target)
        if fast and beside in ("tiktoken alone", "gigatoken alone"):
            target = Bound(100, of_ours=True) if beside == "gigatoken alone" else None
            yield Ratio(f"prepare with gigatoken, to {beside}", "MB/s", fast, beside, other, target=target)
    once, more = (each["memory_mb"] for each in report["ten_times"].values())
    what = "prepare, memory on ten times the text"
    yield Ratio(what, "MB", more, "on the text", once, False, Bound(1.1))


def overlap(report: Report) -> Iterator[Ratio]:
    speed = report["mb_per_second"]
    other = speed["plain Python"]
    yield Ratio("overlap", "MB/s", speed["gpt_toolkit"], "plain Python", other)
    yield Ratio("overlap, Bloom filter", "MB/s", speed["gpt_toolkit, Bloom filter"], "plain Python", other)


def startup(report: Report) -> Iterator[Ratio]:
    times = report["median_seconds"]
    ours = 1000 * times["gpt-toolkit --help"]
    target = Bound(1000 * report["target_seconds"], of_ours=True)
    yield Ratio(
        "gpt-toolkit --help", "ms", ours, "an empty Python", 1000 * times["empty Python"], False, target
    )
    if "litgpt --help" in times:
        yield Ratio("--help, to litgpt's", "ms", ours, "litgpt --help", 1000 * times["litgpt --help"], False)


BENCHMARKS: Mapping[str, Callable[[Report], Iterator[Ratio]]] = {
    "training": training,
    "overhead": overhead,
    "loss": loss,
    "prepare": prepare,
    "generation": generation,
    "lambada": lambada,
    "finetune": finetune,
    "overlap": overlap,
    "startup": startup,
}
"""Each benchmark is the module of its name, and its report the file of its name in a folder of records."""


def read(name: str, report: Report) -> list[Ratio]:
    """Return the ratios of a benchmark's report."""
    return list(BENCHMARKS[name](report))
