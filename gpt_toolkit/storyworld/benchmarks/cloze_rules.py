"""Words of a story that follow from earlier events, and their rank for shortcuts.

A rule says that a part of a later event (who gets the lantern back) equals a part of an earlier one (who lent
it). A word is determined if its sentence tells the later event and the earlier one comes before it.
"""

from collections.abc import Container, Sequence
from typing import NamedTuple

from gpt_toolkit.storyworld.benchmarks.sentence_alignment import CHAPTER, AlignedText
from gpt_toolkit.storyworld.people import Person
from gpt_toolkit.storyworld.places import TOOLS, Place, Spot
from gpt_toolkit.storyworld.story_state import Event, Item
from gpt_toolkit.storyworld.wording import load, words

PERSON, THING, PLACE, SPOT = "person", "thing", "place", "spot"
"""The classes of determined words."""
_CLASS_OF_PART = dict.fromkeys("abc", PERSON) | {"t": THING, "t2": THING, "place": PLACE, "spot": SPOT}
_WORDING = load("benchmarks")["cloze"]
NOT_NOUNS = frozenset(words(_WORDING["not_nouns"]))
"""Last words of spots that are not nouns."""
_DETERMINERS = ("the ", "a ", "an ", "my ", "your ", "this ", "his ", "her ", "for ", "two ")
Cause = tuple[str, str]
"""Kind of an event and name of a part of it."""


def _parse_rules() -> dict[str, dict[str, dict[str, list[Cause]]]]:
    """Return for each class, kind of event and part of it the earlier events that determine it."""
    rules: dict[str, dict[str, dict[str, list[Cause]]]] = {}
    taken = ("find", *(f"use_{tool}" for tool in TOOLS))
    told = ("tell", "tell_who", "confess", "explain", "remember")
    lines = [*_WORDING["rules"], *(f"{later}.spot {earlier}.spot" for later in taken for earlier in told)]
    for line in lines:
        (kind, part), (cause, cause_part) = (name.split(".") for name in line.split())
        parts = rules.setdefault(_CLASS_OF_PART[part], {}).setdefault(kind, {})
        parts.setdefault(part, []).append((cause, cause_part))
    return rules


RULES = _parse_rules()


class DeterminedWord(NamedTuple):
    """A word that the story has determined before it says it.

    Attributes:
        at: Index of the aligned text in which the word stands.
        since: Index of the aligned text that determined it.
        kind: Kind of the event at ``at``.
        word: The word, as it is spelled inside a sentence.
        start: Where it begins in the aligned text.
    """

    at: int
    since: int
    kind: str
    word: str
    start: int


def determined_words(told: Sequence[AlignedText], word_class: str) -> list[DeterminedWord]:
    """Return every determined word of a story that its sentence names exactly once.

    Args:
        told: The story. Rules do not reach across the beginning of a chapter.
        word_class: Class of the words.
    """
    found: list[DeterminedWord] = []
    chapter = 0
    for at, (event, text, _) in enumerate(told):
        if event.kind == CHAPTER:
            chapter = at
        for part, causes in RULES[word_class].get(event.kind, {}).items():
            since = _last_cause(told, chapter, at, getattr(event, part), causes)
            if since is None:
                continue
            phrase = _phrase(getattr(event, part))
            word = phrase.rpartition(" ")[2]
            at_phrase = text.find(phrase)
            start = at_phrase + len(phrase) - len(word)
            if at_phrase >= 0 and text.count(word) == 1 and _is_plain(text, start, word, word_class):
                found.append(DeterminedWord(at, since, event.kind, word, start))
    return found


def _last_cause(
    told: Sequence[AlignedText], chapter: int, at: int, value: object, causes: Sequence[Cause]
) -> int | None:
    """Return the index of the last text before ``at`` whose event determines a value, if any."""
    for since in range(at - 1, chapter - 1, -1):
        earlier: Event = told[since].event
        for kind, part in causes:
            if earlier.kind == kind and getattr(earlier, part) == value:
                return since
    return None


def _phrase(value: Person | Item | Place | Spot) -> str:
    match value:
        case Person() | Place():
            return value.name
        case Item():
            return value.word
        case Spot():
            return value.phrase


def _is_plain(text: str, start: int, word: str, word_class: str) -> bool:
    """Return whether neither an ending nor the word before it ("kitchen drawer") reveals the word."""
    before, after = text[:start], text[start + len(word) :]
    if after[:1].isalpha() or after[:1] == "'" or word in NOT_NOUNS:
        return False
    return word_class == PERSON or before.lower().endswith(_DETERMINERS)


class ShortcutRank(NamedTuple):
    """The rank of a word for the rules "take the last candidate" and "take the most frequent one"."""

    recency: int  # 0: the last candidate; the highest rank stands for all earlier ones
    is_most_frequent: bool


def shortcut_rank(
    word: str, named: Sequence[str], excluded: Container[str], ranks: int
) -> ShortcutRank | None:
    """Return the rank of a word among the candidates that its own sentence leaves.

    Args:
        word: The word to find.
        named: All candidates before its sentence, in order and with repetitions.
        excluded: Candidates in its own sentence, which are hardly ever the word.
        ranks: Number of ranks of recency to distinguish.

    Returns:
        None if the word is not named before, or is the only candidate left.
    """
    left = [candidate for candidate in named if candidate not in excluded]
    recent = list(dict.fromkeys(reversed(left)))
    if len(recent) < 2 or word not in recent:
        return None
    return ShortcutRank(min(recent.index(word), ranks - 1), max(recent, key=left.count) == word)
