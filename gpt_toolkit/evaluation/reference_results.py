"""Numbers that the papers and others published for each benchmark, from ``reference_results.yaml``."""

from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

SIZES: Final = ("small", "medium", "large", "xl")
"""GPT-2's four sizes, as the table has them."""


class Reproduction(NamedTuple):
    """A number that someone measured with OpenAI's weights.

    Attributes:
        model: One of ``SIZES``.
        protocol: Name and version; ``other`` where none here is the same.
        metric: Name and unit.
        value: The number.
        source: Where it is printed.
    """

    model: str
    protocol: str
    metric: str
    value: float
    source: str


class Published(NamedTuple):
    """What is known of a benchmark.

    Attributes:
        source: Where the paper prints it; "" if it does not.
        paper: By metric, the numbers of the four sizes; None where one is not printed.
        reproductions: What others measured.
    """

    source: str
    paper: dict[str, tuple[float | None, ...]]
    reproductions: tuple[Reproduction, ...]


def published(benchmark: str) -> Published:
    """The published numbers of a benchmark; empty where there are none, as of one's own."""
    entry = _all().get(benchmark, {})
    return Published(
        entry.get("source", ""),
        {metric: tuple(values) for metric, values in entry.get("paper", {}).items()},
        tuple(Reproduction(**fields) for fields in entry.get("reproductions", ())),
    )


@cache
def _all() -> dict[str, dict[str, Any]]:
    text = Path(__file__).with_name("reference_results.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))
