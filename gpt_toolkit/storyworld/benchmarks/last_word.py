"""Passages whose last word needs all of what was told before, after LAMBADA (GPT-2 §3.3).

A row is a story as ``storyworld.story`` tells it, broken off inside a sentence, right after a word that an
earlier event has decided: to whom the lantern goes back, whose locket was found, what was promised for the
kite. The unfinished sentence alone leaves open which of the people or things of the story is meant.

In stories as they are, the last person named, or the hero, is meant too often. So a word is kept with a
probability that makes the rules "take the last" and "take the most frequent" right about as seldom as a blind
choice.
"""

import re
from collections.abc import Mapping
from random import Random
from typing import NamedTuple

from gpt_toolkit.storyworld.benchmarks.decided import PERSON, THING, Decided, decided_words
from gpt_toolkit.storyworld.benchmarks.standing import standing
from gpt_toolkit.storyworld.benchmarks.told import Told, join, mentions, tell_events
from gpt_toolkit.storyworld.lexicon import NOUNS
from gpt_toolkit.storyworld.plots import simulate, swapping
from gpt_toolkit.storyworld.scenes import Story
from gpt_toolkit.storyworld.telling import LINKS
from gpt_toolkit.storyworld.world import PEOPLE

NAMES = frozenset(person.name for person in PEOPLE)
THINGS = frozenset(noun.word for noun in NOUNS)
_THINGS_SHARE = 0.25  # ours; only stories of trades have several things, and the words for them are all alike

# Ours, from counts of 8,000 stories: the most frequent standing is kept least often.
_KEPT_NAMES = {(0, False): 0.7, (0, True): 0.28, (1, False): 0.85, (1, True): 1.0}
_KEPT_THINGS = {(0, False): 0.46, (0, True): 0.12, (1, False): 0.43, (1, True): 1.0}

_SPOKEN = ("tell_who", "refuse_owner", "swap")  # who speaks to whom is clear in these kinds of events
_ENDS_OF_STORIES = re.compile(r"\b(?:with|than|to|the) $")


class LastWord(NamedTuple):
    """A passage; its last word, with no mark after it, is to be predicted from all the others."""

    text: str


def last_word(rng: Random, split: str) -> LastWord:
    """Draw a row."""
    things = rng.random() < _THINGS_SHARE
    while True:
        if things:
            state = Story(rng, split)
            swapping(state)
            row = _break_off(rng, state, THING, THINGS, _KEPT_THINGS)
        else:
            row = _break_off(rng, simulate(rng, split), PERSON, NAMES, _KEPT_NAMES)
        if row is not None:
            return row


def _break_off(
    rng: Random,
    state: Story,
    word_class: str,
    vocabulary: frozenset[str],
    kept: Mapping[tuple[int, bool], float],
) -> LastWord | None:
    """A story up to one of its decided words; None if none is kept."""
    told = tell_events(state)
    options = [word for word in decided_words(told, word_class) if _is_decided_by_its_beginning(word, told)]
    while options:
        word = options.pop(int(rng.random() * len(options)))
        part = told[word.at]
        before, lead = join(told[: word.at]), part.text[: word.start]
        in_lead = {*mentions(lead, vocabulary), *mentions(lead.lower(), vocabulary)}  # '"Kite for drum'
        place = standing(word.word, mentions(before, vocabulary), in_lead, ranks=2)
        if place is not None and rng.random() < kept[place]:
            gap = "\n\n" if part.starts_paragraph else " "
            return LastWord(before + gap + lead + word.word)
    return None


def _is_decided_by_its_beginning(word: Decided, told: list[Told]) -> bool:
    """Whether the sentence up to the word, and not only as a whole, leaves no other choice."""
    lead = told[word.at].text[: word.start]
    if lead == '"Ask ':
        return True
    if len(lead.split()) < 2 or lead.strip() in LINKS or (lead.count('"') % 2 and word.kind not in _SPOKEN):
        return False
    if word.kind == "thank":
        return not lead.endswith("gave ")  # a kiss or a thing
    if word.kind.startswith("final"):
        return bool(_ENDS_OF_STORIES.search(lead)) and lead != "In the end the "
    return True
