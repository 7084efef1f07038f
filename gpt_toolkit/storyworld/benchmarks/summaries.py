"""Reports and their summaries, after CNN and Daily Mail (GPT-2 §3.6)."""

from random import Random
from typing import NamedTuple

from gpt_toolkit.storyworld.documents import report


class Summary(NamedTuple):
    """An article, and what it comes down to in one or two sentences."""

    article: str
    highlights: str


def summary(rng: Random, split: str) -> Summary:
    """Draw a row."""
    return Summary(*report(rng, split))
