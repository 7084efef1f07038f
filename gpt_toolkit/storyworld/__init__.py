"""Storyworld: the built-in world, from which English text is drawn without limit and without a network.

``document`` gives any document of a stream by its position: a story, a letter, a dialogue or another text,
at rates that can be set; ``story`` and ``stories`` give stories alone. All are functions of their arguments
alone: the same bytes on every machine and every version of Python, until ``VERSION`` is raised.
``documents`` has the stream of documents, ``facts`` what holds in all of them, ``language`` the sister
language of English.
"""

from collections.abc import Iterator
from itertools import count
from random import Random

from gpt_toolkit.storyworld.documents import MIX, check_mix, document, shares
from gpt_toolkit.storyworld.plots import simulate
from gpt_toolkit.storyworld.telling import tell
from gpt_toolkit.storyworld.world import SPLITS, mix

__all__ = ["MIX", "SPLITS", "VERSION", "check_mix", "document", "shares", "stories", "story"]

VERSION = 3
"""Raised whenever the text of any document changes."""


def story(seed: int, split: str, index: int) -> str:
    """Tell one story of a stream, without those before it.

    Args:
        seed: Which stream.
        split: "train", "validation" or "test". A validation story is about a person and a thing that never
            meet in a story of another split; the same holds for test.
        index: Position in the stream, from 0.

    Returns:
        A text of 5 to 20 sentences; a blank line stands between paragraphs.

    Raises:
        ValueError: If the split is unknown or the index negative.
    """
    if index < 0:
        raise ValueError(f"The index of a story must be 0 or more, got {index}.")
    return tell(simulate(_rng(seed, split, index), split))


def stories(seed: int, split: str = "train", start: int = 0) -> Iterator[str]:
    """Tell stories without end.

    Args:
        seed: Which stream.
        split: "train", "validation" or "test".
        start: Position of the first story; after reading ``n`` stories, continue with ``n``.

    Returns:
        The stories of ``story(seed, split, start)`` and onward.

    Raises:
        ValueError: If the split is unknown or the start negative; at once, not when the first story is read.
    """
    if start < 0:
        raise ValueError(f"The start of a stream must be 0 or more, got {start}.")
    _rng(seed, split, start)  # checks the split
    return (story(seed, split, index) for index in count(start))


def _rng(seed: int, split: str, index: int) -> Random:
    if split not in SPLITS:
        raise ValueError(f"Unknown split {split!r}: choose one of 'train', 'validation', 'test'.")
    return Random(mix(seed, SPLITS.index(split), index))
