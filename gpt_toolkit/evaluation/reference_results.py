"""Published numbers of each benchmark, from ``reference_results.yaml``."""

from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from gpt_toolkit.io import read_yaml

SIZES: Final = ("small", "medium", "large", "xl")
"""GPT-2's four sizes, in the order of the file."""


class Reproduction(NamedTuple):
    """A number that others measured with OpenAI's weights; see the file."""

    model: str
    protocol: str
    metric: str
    value: float
    source: str


class Published(NamedTuple):
    """Numbers of the paper's four sizes by metric, and those of others."""

    paper: dict[str, tuple[float | None, ...]]
    reproductions: tuple[Reproduction, ...]


def published(benchmark: str) -> Published:
    """Return the published numbers of a benchmark; empty if there are not any."""
    entry = _read().get(benchmark, {})
    paper = {metric: tuple(values) for metric, values in entry.get("paper", {}).items()}
    return Published(paper, tuple(Reproduction(**fields) for fields in entry.get("reproductions", ())))


@cache
def _read() -> dict[str, dict[str, Any]]:
    return dict(read_yaml(Path(__file__).with_name("reference_results.yaml")))
