"""A reader of stories without their events: the oracle of the tests for last words and cloze examples.

Each sentence is compared with the templates of the kinds of events that matter. From the text so far, the
reader answers who lent the lantern, whose locket it was, and where the marble is.
"""

import re
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from gpt_toolkit.storyworld.lexicon import LATE
from gpt_toolkit.storyworld.narrator import Narrator
from gpt_toolkit.storyworld.places import HOME, PLACES
from tests.storyworld.texts import NAMES, THINGS

SPOTS = sorted({spot.phrase for place in (HOME, *PLACES) for spot in place.spots + place.hard_spots}, key=len)
GAP = "XXXXX"

LINK = "(?:(?:Then|After that,|A little later|Before long,|Soon|At once|Next,) )?"
PATTERNS = {
    "person": (
        r"((?:(?:[A-Z]\w+'s?|[Hh]is|[Hh]er) (?:[a-z-]+ )?)?[A-Z]\w+(?: the [a-z]+| [A-Z]\w+)?|[Hh]e|[Ss]he)"
    ),
    "thing": r"((?:(?:[Tt]he|an?|my|your|[Hh]is|[Hh]er|[A-Z]\w+'s?) )?(?:[a-z-]+ )?[A-Za-z-]+)",
    "spot": "(" + "|".join(map(re.escape, SPOTS[::-1])) + f'|[^.!?"]{{0,40}}{GAP}[^.!?",]*)',
    "late": "(" + "|".join(LATE) + ")",
    "": r'([^.!?"]{1,60}?)',
}
PARTS = {
    "a": "a", "A": "a", "a0": "a", "aposs": "a", "bvoc": "a", "b": "b", "B": "b", "b_cap": "b", "bposs": "b",
    "voc": "b", "c": "c", "C": "c", "t": "t", "it": "t", "n": "t", "an": "t", "adjn": "t", "noun": "t",
    "n_cap": "t", "an_cap": "t", "t_ba": "t", "the_t2": "t2", "an2": "t2", "an_other": "t2", "noun2": "t2",
    "to": "place", "at": "place", "the": "place", "spot": "spot", "late": "late",
}  # fmt: skip
CLASSES = dict.fromkeys("abc", "person") | {"t": "thing", "t2": "thing", "spot": "spot", "late": "late"}

WALKS = ("travel", "go", "go_plain", "home")
TOLD_WHERE = ("tell", "tell_who", "confess", "explain", "remember")
READ = (
    *WALKS, *TOLD_WHERE, "borrow", "lend", "has_thing", "not_mine", "errand", "birthday", "owns", "prank",
    "wish", "refuse", "refuse_owner", "swap", "tidy", "box", "give", "give_back", "put", "leave", "hide",
    "return_tool", "open", "find_new", "buy", "make",
)  # fmt: skip
ASKED = (
    "return_tool", "reward", "give_back", "final_safe", "truth", "meet", "give", "final", "final_given",
    "swap", "final_swap", "forgive", "sorry", "tell_who", "confess", "thank", "explain", "refuse_owner",
    "travel", "took_again", "fetch", "expect", "find", "use_ladder", "use_lantern", "use_rope", "use_boat",
    "use_spade", "mend",
)  # fmt: skip


class Said(NamedTuple):
    """A sentence understood: where it ends, the kind of event, and who and what is in it."""

    at: int
    kind: str
    parts: dict[str, str]


@cache
def _patterns(kind: str, cut: bool) -> tuple[tuple[re.Pattern[str], tuple[str, ...]], ...]:
    """Return each template's regular expression and the part that each group matches.

    If ``cut``, they are broken off at the end of the text: after each slot and after each sentence.
    """
    patterns = []
    for template in Narrator.templates.by_kind[kind]:
        source, parts = LINK if template.pieces[0] == "" else "", []
        for number, piece in enumerate(template.pieces):
            if number % 2:
                parts.append(PARTS.get(piece, ""))
                source += PATTERNS[CLASSES.get(parts[-1], "")] + (
                    "(?:'s?)?" if piece.endswith("poss") else ""
                )
                ends = [""] if parts[-1] else []
            else:
                ends = [piece[: found.end()] for found in re.finditer(r'\.(?="? "?)"?', piece)]
            if cut:
                patterns += [(re.compile(source + re.escape(end) + "$"), tuple(parts)) for end in ends]
            if not number % 2:
                source += re.escape(piece)
        if not cut:
            patterns.append((re.compile(source), tuple(parts)))
    return tuple(patterns)


def understand(part: str, phrase: str) -> str:
    """Return the name, thing, place or spot in a phrase; "" if it has none."""
    if GAP in phrase:
        return GAP
    if part == "place":
        return next((place.name for place in (*PLACES, HOME) if place.name in phrase), "")
    if part == "spot":
        return phrase
    found = re.findall(r"\w+(?:-\w+)*", phrase)
    if part in ("a", "b", "c"):
        return next((word for word in reversed(found) if word in NAMES), "")
    return next((word.lower() for word in reversed(found) if word.lower() in THINGS), "")


def sentence_starts(text: str) -> list[int]:
    return [0, *(found.end() for found in re.finditer(r'[.!?]"?\s+', text))]


def read(text: str, kinds: Iterable[str], starts: Iterable[int], cut: bool = False) -> list[Said]:
    """Read the events of the given kinds from the sentences with the given starts, in order."""
    said = []
    for kind in kinds:
        for pattern, parts in _patterns(kind, cut):
            for start in starts:
                if found := pattern.match(text, start):
                    groups = zip(parts, found.groups(), strict=True)
                    known = {part: understand(part, group) for part, group in groups if part}
                    said.append(Said(found.end(), kind, known))
    return sorted(said, key=lambda event: event.at)


class Reader:
    """The knowledge of a reader at the end of a text.

    Args:
        text: The text before the sentence in question.
    """

    def __init__(self, text: str) -> None:
        self.said = read(text, READ, sentence_starts(text))
        walkers = [event.parts["a"] for event in self.said if event.kind in WALKS and event.parts.get("a")]
        walkers = walkers or [word for word in re.findall(r"\w+", text) if word in NAMES]
        self.hero = max(walkers, key=walkers.count, default="")

    def last(self, part: str, *kinds: str) -> str:
        """Return the person, thing or place that was last named in an event of these kinds."""
        said = (event.parts.get(part, "") for event in reversed(self.said) if event.kind in kinds)
        return next((value for value in said if value), "")

    def latest(self, *kinds: str) -> str:
        """Return the kind that occurred last."""
        return next((event.kind for event in reversed(self.said) if event.kind in kinds), "")

    def where(self, kind: str) -> str:
        """Return the hero's last place before the last event of a kind."""
        end = next(event.at for event in reversed(self.said) if event.kind == kind)
        places = [
            event.parts.get("place", "") for event in self.said if event.at < end and event.kind in WALKS
        ]
        return next((place for place in reversed(places) if place), "")

    def answer(self, gap: Said, part: str) -> str:
        """Return what fills the gap of a sentence; "" if the text does not say."""
        answers = {"t": self._thing, "t2": self._thing, "place": self._place, "spot": self._spot}
        return answers.get(part, self._person)(gap, part)

    def _person(self, gap: Said, part: str) -> str:
        hero = self.hero
        match gap.kind, part:
            case ("return_tool", "b"):
                return self.last("b", "borrow")
            case ("reward", "b"):
                helped_by_tool = self.latest("return_tool", "give", "give_back") == "return_tool"
                return self.last("b", "borrow") if helped_by_tool else hero
            case ("give_back" | "truth", "b") | ("final_safe", "a"):
                is_lent = self.latest("lend", "not_mine") == "lend"
                return self.last("b", "lend") if is_lent else self.last("c", "not_mine")
            case ("meet", "b"):
                return self.last("c", "not_mine", "errand")
            case ("give", "b") | ("final_given", "a"):
                source = self.latest("errand", "birthday", "box")
                if source == "box":
                    return hero
                return self.last("c", "errand") if source == "errand" else self.last("b", "birthday")
            case ("final", "a"):
                source = self.latest("not_mine", "owns", "lend")
                return {"not_mine": self.last("c", "not_mine"), "lend": self.last("b", "lend")}.get(
                    source, hero
                )
            case ("swap", "b"):
                second = self.latest("swap", "refuse_owner") == "swap"
                return self.last("b", "wish") if second else self.last("a", "refuse_owner")
            case ("final_swap", "b"):
                is_between = gap.parts["t2"] == self.last("t2", "refuse")
                return self.last("b", "wish") if is_between else self.last("a", "refuse_owner")
            case ("forgive", "b"):
                return self.last("a", "prank") if self.latest("prank", "lend") == "prank" else hero
            case ("sorry", "b") | ("give_back" | "final_swap" | "swap", "a"):
                return hero
            case ("tell_who", "c") | ("confess", "a"):
                return self.last("a", "prank")
            case ("thank", "b"):
                if self.latest("box", "give", "give_back") == "box":
                    return self.last("b", "box")
                return "" if gap.parts.get("a") == hero else hero
            case ("explain", "a"):
                return self.last("a", "tidy")
        return ""

    def _thing(self, gap: Said, part: str) -> str:
        traded = self.latest("swap", "refuse_owner") == "swap"
        match gap.kind, part:
            case ("swap", "t"):
                return self.last("t2", "refuse") if traded else self.last("t", "owns")
            case ("swap", "t2"):
                return self.last("t2", "wish") if traded else self.last("t2", "refuse")
            case ("refuse_owner", "t"):
                return self.last("t", "owns")
            case ("refuse_owner", "t2"):
                return self.last("t2", "refuse")
            case ("final_swap", "t"):
                return self.last("t2", "wish")
            case ("give" | "give_back", "t") if (
                self.latest("wish", "errand", "birthday", "lend", "find_new") == "wish"
            ):
                return ""
        return self.last("t", "owns", "has_thing", "lend", "find_new", "errand", "buy", "make", "open")

    def _place(self, gap: Said, part: str) -> str:
        source = self.latest("tell", "tell_who", "remember", "lend", "wish")
        return self.where(source) if source in ("lend", "wish") else self.last("place", source)

    def _spot(self, gap: Said, part: str) -> str:
        kinds = {"took_again": ("leave",), "fetch": ("hide",), "expect": ("put",)}.get(gap.kind, TOLD_WHERE)
        return self.last("spot", *kinds)


def fill(text: str, gap_at: int) -> set[str]:
    """Return what can stand for ``XXXXX`` in a text, for each way to understand its sentence.

    Args:
        text: It may end inside the sentence, after the gap.
        gap_at: Where the gap is.
    """
    found = set()
    for start in [start for start in sentence_starts(text) if start <= gap_at][-3:]:
        reader = Reader(text[:start])
        for gap in (*read(text, ASKED, [start]), *read(text, ASKED, [start], cut=True)):
            found |= {reader.answer(gap, part) for part, value in gap.parts.items() if value == GAP}
    return {answer.rpartition(" ")[2] for answer in found if answer}
