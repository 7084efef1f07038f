"""GPT-1's heuristics on sets that it was fine-tuned on elsewhere, before any fine-tuning (GPT-1 §5)."""

from typing import Final

from gpt_toolkit.evaluation import benchmark_files, multiple_choice
from gpt_toolkit.evaluation.benchmark import Benchmark
from gpt_toolkit.evaluation.item_sources import Files, Format, LabelledSet, Variant
from gpt_toolkit.evaluation.items import Choice, Labelled


def labelled(texts: tuple[str, ...], target: int) -> Labelled:
    """A row of one text and its class."""
    return Labelled(texts[0], target)


def reading(texts: tuple[str, ...], target: int) -> Choice:
    """A row of document, question and answers."""
    document, question, *options = texts
    context = f"{document.strip()}\n{question.strip()}" if question else document.strip()
    return Choice(context, tuple(options), target)


def _dprd() -> Benchmark:
    source = Files(
        "gpt1_dprd",
        ("dprd", "gpt1_dprd"),
        (Format(("test.c.txt", "*.txt"), benchmark_files.is_dprd, benchmark_files.read_dprd),),
        (
            Variant("DPRD test", 564),
            Variant("DPRD training", 1322, remark="scored on training rows, not on the test"),
        ),
        "test.c.txt (Rahman and Ng 2012)",
    )
    return Benchmark("gpt1_dprd", "GPT-1 §5", source, multiple_choice.RESOLUTION)


BENCHMARKS: Final = (
    Benchmark(
        "gpt1_cola", "GPT-1 §5", LabelledSet("cola", "val", None, labelled), multiple_choice.ACCEPTABILITY
    ),
    Benchmark("gpt1_sst2", "GPT-1 §5", LabelledSet("sst2", "val", None, labelled), multiple_choice.SENTIMENT),
    Benchmark("gpt1_race", "GPT-1 §5", LabelledSet("race", "test", None, reading), multiple_choice.READING),
    _dprd(),
)
