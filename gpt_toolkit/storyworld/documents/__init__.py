"""Documents like those that GPT-2 found on the web: stories, and texts in which tasks occur naturally.

The kind of the document at a position depends on the position and the mix. The text of a kind at a position
does not depend on the mix.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from random import Random
from types import MappingProxyType

from gpt_toolkit.storyworld.documents.dialogues import conversation, dialogue
from gpt_toolkit.storyworld.documents.exercises import question_list, translations
from gpt_toolkit.storyworld.documents.letters import letter, report, report_and_summary
from gpt_toolkit.storyworld.documents.notices import notice
from gpt_toolkit.storyworld.narrator import tell
from gpt_toolkit.storyworld.people import SPLITS, check_split
from gpt_toolkit.storyworld.people import mix as hashed
from gpt_toolkit.storyworld.plots import simulate

__all__ = [
    "MIX",
    "check_mix",
    "conversation",
    "document",
    "documents",
    "kind_of",
    "report_and_summary",
    "shares",
    "stories",
    "story",
]

MIX: Mapping[str, float] = MappingProxyType(
    {
        "story": 0.60,
        "letter": 0.10,
        "dialogue": 0.08,
        "questions": 0.05,
        "notice": 0.07,
        "translation": 0.05,
        "report": 0.05,
    }
)
"""Weight of each kind of document (tuned here: mostly stories, and enough of each task to be learned)."""

_KIND, _TEXT = 51, 52  # salts: the kind of a document, and its text unless it is a story


def _story(rng: Random, split: str) -> str:
    return tell(simulate(rng, split))


_MAKERS: dict[str, Callable[[Random, str], str]] = {
    "story": _story,
    "letter": letter,
    "dialogue": dialogue,
    "questions": question_list,
    "notice": notice,
    "translation": translations,
    "report": report,
}
_NUMBERS = {kind: number for number, kind in enumerate(_MAKERS)}


def check_mix(mix: Mapping[str, float]) -> None:
    """Check the weights of the kinds of documents.

    Args:
        mix: The weight of each kind, in any unit. A kind without a weight does not occur.

    Raises:
        ValueError: If a kind is unknown, a weight is negative or not a number, or all are 0.
    """
    for kind, weight in mix.items():
        if kind not in _MAKERS:
            raise ValueError(f"kind of document: {kind!r}; expected one of {', '.join(map(repr, _MAKERS))}")
        if not 0 <= weight < float("inf"):
            raise ValueError(f"weight of {kind!r}: {weight}; expected a number of 0 or more")
    if not any(mix.values()):
        raise ValueError("weights of the mix: all 0; expected at least one above 0")


def shares(mix: Mapping[str, float]) -> dict[str, float]:
    """Return the fraction of the documents that is of each kind, without the kinds that do not occur."""
    total = sum(mix.get(kind, 0) for kind in _MAKERS)
    return {kind: mix[kind] / total for kind in _MAKERS if mix.get(kind, 0)}


def kind_of(seed: int, split: str, index: int, mix: Mapping[str, float] = MIX) -> str:
    """Return the kind of the document at a position of a stream."""
    draw = hashed(_KIND, seed, SPLITS.index(split), index) / 2**64
    kind = ""
    for kind, fraction in shares(mix).items():  # noqa: B007 - the last kind if rounding leaves a rest
        if draw < fraction:
            break
        draw -= fraction
    return kind


def _rng(seed: int, split: str, index: int, kind: str) -> Random:
    if kind == "story":  # independent of the mix and of the other kinds
        return Random(hashed(seed, SPLITS.index(split), index))
    return Random(hashed(_TEXT, seed, SPLITS.index(split), index, _NUMBERS[kind]))


def _check(split: str, index: int, mix: Mapping[str, float]) -> None:
    check_split(split)
    if index < 0:
        raise ValueError(f"index: {index}; expected 0 or more")
    check_mix(mix)


def _document(seed: int, split: str, index: int, mix: Mapping[str, float]) -> str:
    kind = kind_of(seed, split, index, mix)
    return _MAKERS[kind](_rng(seed, split, index, kind), split)


def document(seed: int, split: str, index: int, mix: Mapping[str, float] = MIX) -> str:
    """Return one document of a stream, without those before it.

    Args:
        seed: Number of the stream.
        split: "train", "validation" or "test". A validation document has a combination that no other split
            has. It is one of a person and a thing, a question and a fact, or a verb and its object in Vallic.
            The same holds for test.
        index: Position in the stream, from 0.
        mix: Weight of each kind of document, see ``check_mix``.

    Raises:
        ValueError: If the split is unknown, the index negative, or the mix wrong.
    """
    _check(split, index, mix)
    return _document(seed, split, index, mix)


def documents(
    seed: int, split: str = "train", start: int = 0, mix: Mapping[str, float] = MIX
) -> Iterator[str]:
    """Return an endless stream of documents.

    Args:
        seed: Number of the stream.
        split: "train", "validation" or "test", as in ``document``.
        start: Position of the first document. After reading ``n`` documents, continue with ``n``.
        mix: Weight of each kind of document. ``{"story": 1}`` gives what ``stories`` gives.

    Raises:
        ValueError: As ``document``; at once, not when the first document is read.
    """
    _check(split, start, mix)
    return (_document(seed, split, index, mix) for index in count(start))


_STORIES = {"story": 1}


def story(seed: int, split: str, index: int) -> str:
    """Return one story of a stream: ``document`` with stories alone.

    Returns:
        A text of 5 to 20 sentences, with an empty line between paragraphs. A validation story is about a
        person and a thing that never meet in a story of another split. The same holds for test.
    """
    return document(seed, split, index, _STORIES)


def stories(seed: int, split: str = "train", start: int = 0) -> Iterator[str]:
    """Return an endless stream of stories: ``documents`` with stories alone."""
    return documents(seed, split, start, _STORIES)
