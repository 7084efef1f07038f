"""Documents as GPT-2 found them on the web: stories, and texts in which tasks occur by themselves.

Which kind of document stands at a position follows from the position and the mix; the text of a kind at a
position does not depend on the mix.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from random import Random
from types import MappingProxyType

from gpt_toolkit.storyworld.documents.dialogues import conversation, dialogue, with_questions
from gpt_toolkit.storyworld.documents.letters import letter
from gpt_toolkit.storyworld.documents.notices import notice
from gpt_toolkit.storyworld.documents.questions import question_list
from gpt_toolkit.storyworld.documents.reports import report, with_summary
from gpt_toolkit.storyworld.documents.translations import translations
from gpt_toolkit.storyworld.plots import simulate
from gpt_toolkit.storyworld.telling import tell
from gpt_toolkit.storyworld.world import SPLITS
from gpt_toolkit.storyworld.world import mix as hashed

__all__ = ["MIX", "check_mix", "conversation", "document", "documents", "kind_of", "report", "shares"]

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
"""How often each kind of document occurs (ours: mostly stories, and enough of each task to be learned)."""

ASKED_AFTER = 0.45  # ours: part of the dialogues that questions follow
_KIND, _TEXT = 51, 52  # salts: the kind of a document, and its text unless it is a story


def _story(rng: Random, split: str) -> str:
    return tell(simulate(rng, split))


def _dialogue(rng: Random, split: str) -> str:
    return with_questions(rng, split) if rng.random() < ASKED_AFTER else dialogue(rng, split)


_MAKERS: dict[str, Callable[[Random, str], str]] = {
    "story": _story,
    "letter": letter,
    "dialogue": _dialogue,
    "questions": question_list,
    "notice": notice,
    "translation": translations,
    "report": with_summary,
}
_NUMBERS = {kind: number for number, kind in enumerate(_MAKERS)}


def check_mix(mix: Mapping[str, float]) -> None:
    """Check the rates of kinds of documents.

    Args:
        mix: The rate of each kind, in any unit; a kind that is missing does not occur.

    Raises:
        ValueError: If a kind is unknown, a rate is negative or no number, or all are 0.
    """
    unknown = [kind for kind in mix if kind not in _MAKERS]
    if unknown:
        raise ValueError(
            f"Unknown kind of document {unknown[0]!r}: choose from {', '.join(map(repr, _MAKERS))}."
        )
    wrong = [kind for kind, rate in mix.items() if not 0 <= rate < float("inf")]
    if wrong:
        raise ValueError(f"The rate of {wrong[0]!r} is {mix[wrong[0]]}; it must be a number of 0 or more.")
    if not any(mix.values()):
        raise ValueError("Every rate of the mix is 0; one kind of document must have a rate above 0.")


def shares(mix: Mapping[str, float]) -> dict[str, float]:
    """The part of the documents that is of each kind; kinds that do not occur are left out."""
    total = sum(mix.get(kind, 0) for kind in _MAKERS)
    return {kind: mix[kind] / total for kind in _MAKERS if mix.get(kind, 0)}


def kind_of(seed: int, split: str, index: int, mix: Mapping[str, float] = MIX) -> str:
    """The kind of the document at a position of a stream."""
    draw = hashed(_KIND, seed, SPLITS.index(split), index) / 2**64
    kind = ""
    for kind, share in shares(mix).items():  # noqa: B007 - the last kind is meant where rounding leaves a rest
        if draw < share:
            break
        draw -= share
    return kind


def _rng(seed: int, split: str, index: int, kind: str) -> Random:
    if kind == "story":  # the story at a position is the same, whatever stands around it
        return Random(hashed(seed, SPLITS.index(split), index))
    return Random(hashed(_TEXT, seed, SPLITS.index(split), index, _NUMBERS[kind]))


def document(seed: int, split: str, index: int, mix: Mapping[str, float] = MIX) -> str:
    """One document of a stream, without those before it.

    Args:
        seed: Which stream.
        split: "train", "validation" or "test". A document for validation has a combination that those of the
            other splits never have: of a person and a thing, of a question and a fact, or of a verb and what
            it goes with in Vallic. The same holds for test.
        index: Position in the stream, from 0.
        mix: How often each kind of document occurs, as ``check_mix`` wants it.

    Raises:
        ValueError: If the split is unknown, the index negative, or the rates are wrong.
    """
    _check(split, index, mix)
    return _document(seed, split, index, mix)


def _check(split: str, index: int, mix: Mapping[str, float]) -> None:
    if split not in SPLITS:
        raise ValueError(f"Unknown split {split!r}: choose one of 'train', 'validation', 'test'.")
    if index < 0:
        raise ValueError(f"The position of a document must be 0 or more, got {index}.")
    check_mix(mix)


def _document(seed: int, split: str, index: int, mix: Mapping[str, float]) -> str:
    kind = kind_of(seed, split, index, mix)
    return _MAKERS[kind](_rng(seed, split, index, kind), split)


def documents(
    seed: int, split: str = "train", start: int = 0, mix: Mapping[str, float] = MIX
) -> Iterator[str]:
    """Documents without end.

    Args:
        seed: Which stream.
        split: "train", "validation" or "test", as in ``document``.
        start: Position of the first document; after reading ``n`` documents, continue with ``n``.
        mix: How often each kind of document occurs; ``{"story": 1}`` gives what ``stories`` gives.

    Raises:
        ValueError: As ``document``; at once, not when the first document is read.
    """
    _check(split, start, mix)
    return (_document(seed, split, index, mix) for index in count(start))
