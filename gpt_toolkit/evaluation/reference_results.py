"""Published numbers of each benchmark, from ``reference_results.yaml``."""

from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

SIZES: Final = ("small", "medium", "large", "xl")
"""GPT-2's four sizes, in the order of the file."""


class Reproduction(NamedTuple):
    """A number that others measured with OpenAI's weights.

    Attributes:
        model: One of ``SIZES``.
        protocol: Name and version; ``other`` if no protocol here is the same.
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
    """The published numbers of a benchmark.

    Attributes:
        paper: Numbers of the four sizes by metric; None if the paper prints none.
        reproductions: Measurements of others.
        source: Where the paper prints its numbers; "" if it prints none.
    """

    paper: dict[str, tuple[float | None, ...]]
    reproductions: tuple[Reproduction, ...]
    source: str


def published(benchmark: str) -> Published:
    """Return the published numbers of a benchmark; empty if there are none."""
    entry = _all().get(benchmark, {})
    return Published(
        {metric: tuple(values) for metric, values in entry.get("paper", {}).items()},
        tuple(Reproduction(**fields) for fields in entry.get("reproductions", ())),
        entry.get("source", ""),
    )


@cache
def _all() -> dict[str, dict[str, Any]]:
    text = Path(__file__).with_name("reference_results.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))
