"""Which words of a told story follow from what was told before.

A rule says that a part of a later event (whom the lantern goes back to) equals a part of an earlier one (who
lent the lantern). A word is decided when its sentence tells the later event, and the earlier was told before.
"""

from collections.abc import Sequence
from typing import NamedTuple

from gpt_toolkit.storyworld.benchmarks.told import CHAPTER, Told
from gpt_toolkit.storyworld.events import Event, Item
from gpt_toolkit.storyworld.lexicon import words
from gpt_toolkit.storyworld.places import Place, Spot
from gpt_toolkit.storyworld.world import Person

PERSON, THING, PLACE, SPOT = "person", "thing", "place", "spot"
"""The classes of decided words."""

_WHERE_IT_LIES = "tell tell_who confess explain remember"
_RULES = """
return_tool.b borrow.b
reward.b borrow.b
reward.b give_back.a
reward.b give.a
give_back.a lend.a
give_back.a find_new.a
give_back.b lend.b
give_back.b not_mine.c
give_back.t lend.t
give_back.t find_new.t
meet.b not_mine.c
meet.b errand.c
give.b errand.c
give.b birthday.b
give.t errand.t
give.t hide.t
final.a owns.a
final.a not_mine.c
final.t owns.t
final.t find_new.t
final_safe.a lend.b
final_safe.t lend.t
final_given.a give.b
final_given.a yours.a
final_given.t give.t
final_given.t open.t
final_swap.a wish.a
final_swap.b swap.b
final_swap.t wish.t2
refuse_owner.t owns.t
refuse_owner.t2 refuse.t2
swap.b refuse.a
swap.b refuse_owner.a
swap.t refuse.t2
swap.t refuse_owner.t
swap.t2 wish.t2
swap.t2 refuse_owner.t2
forgive.b prank.a
forgive.b truth.a
sorry.b miss.a
tell_who.c prank.a
truth.b lend.b
thank.b give_back.a
thank.b give.a
thank.b yours.b
confess.a prank.a
explain.a tidy.a
mend.t lend.t
travel.place tell.place
travel.place tell_who.place
travel.place remember.place
travel.place travel.place
travel.place go.place
took_again.spot leave.spot
fetch.spot hide.spot
expect.spot put.spot
"""
_CLASS_OF_PART = {
    "a": PERSON,
    "b": PERSON,
    "c": PERSON,
    "t": THING,
    "t2": THING,
    "place": PLACE,
    "spot": SPOT,
}


def _parse() -> dict[str, dict[str, dict[str, tuple[tuple[str, str], ...]]]]:
    """For each class, kind of event and part of it, the earlier kinds and their parts that decide it."""
    rules: dict[str, dict[str, dict[str, tuple[tuple[str, str], ...]]]] = {}

    def add(later: str, earlier: str) -> None:
        kind, part = later.split(".")
        first, its_part = earlier.split(".")
        parts = rules.setdefault(_CLASS_OF_PART[part], {}).setdefault(kind, {})
        parts[part] = (*parts.get(part, ()), (first, its_part))

    for line in _RULES.strip().splitlines():
        add(*line.split())
    for taken in words("find use_ladder use_lantern use_rope use_boat use_spade"):
        for said in words(_WHERE_IT_LIES):
            add(f"{taken}.spot", f"{said}.spot")
    return rules


RULES = _parse()
NOT_NOUNS = frozenset(words("downstairs down"))
"""Two spots end in words that are no nouns."""
_DETERMINERS = ("the ", "a ", "an ", "my ", "your ", "this ", "his ", "her ", "for ", "two ")


class Decided(NamedTuple):
    """A word that the story has decided before it says it.

    Attributes:
        at: Index of the told event in which the word stands.
        since: Index of the told event that decided it.
        kind: Kind of the event at ``at``.
        word: The word, as it is spelled inside a sentence.
        start: Where it begins in the text of the told event.
    """

    at: int
    since: int
    kind: str
    word: str
    start: int


def decided_words(told: Sequence[Told], word_class: str) -> list[Decided]:
    """Every decided word of a told story that its sentence names once and plainly.

    Args:
        told: The story; decisions do not reach across the beginning of a chapter.
        word_class: Which class of words to look for.
    """
    found: list[Decided] = []
    chapter = 0
    for at, (event, text, _) in enumerate(told):
        if event.kind == CHAPTER:
            chapter = at
        for part, causes in RULES[word_class].get(event.kind, {}).items():
            since = _cause(told, chapter, at, event, part, causes)
            if since is None:
                continue
            phrase = _phrase(getattr(event, part))
            word = phrase.rpartition(" ")[2]
            at_phrase = text.find(phrase)
            start = at_phrase + len(phrase) - len(word)
            if at_phrase >= 0 and text.count(word) == 1 and _is_plain(text, start, word, word_class):
                found.append(Decided(at, since, event.kind, word, start))
    return found


def _cause(
    told: Sequence[Told], chapter: int, at: int, event: Event, part: str, causes: tuple[tuple[str, str], ...]
) -> int | None:
    """The last told event before ``at`` that decides a part of the event at ``at``."""
    value = getattr(event, part)
    for since in range(at - 1, chapter - 1, -1):
        earlier = told[since].event
        for kind, its_part in causes:
            if earlier.kind == kind and getattr(earlier, its_part) == value:
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
    """Whether neither an ending nor the word before it ("kitchen drawer") gives the word away."""
    before, after = text[:start], text[start + len(word) :]
    if after[:1].isalpha() or after[:1] == "'" or word in NOT_NOUNS:
        return False
    return word_class == PERSON or before.lower().endswith(_DETERMINERS)
