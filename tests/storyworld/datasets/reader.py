"""Patterns that read a text back to its meaning, independently of the code that wrote it."""

import re
from collections.abc import Iterator
from itertools import islice

from gpt_toolkit.storyworld.datasets import LabeledExample, labeled_examples
from gpt_toolkit.storyworld.lexicon import NOUNS
from gpt_toolkit.storyworld.people import PEOPLE
from gpt_toolkit.storyworld.places import PLACES


def any_of(options: list[str]) -> str:
    return "(?:" + "|".join(sorted(map(re.escape, options), key=len, reverse=True)) + ")"


WOMAN = any_of([person.name for person in PEOPLE if person.female])
MAN = any_of([person.name for person in PEOPLE if not person.female])
NAME = any_of([person.name for person in PEOPLE])
NOUN = any_of([noun.word for noun in NOUNS])
THING = any_of([f"the {adjective} {noun.word}" for noun in NOUNS for adjective in noun.adjectives])
SPOT = any_of([spot.phrase for place in PLACES for spot in place.spots])
AT = any_of([place.at for place in PLACES])
TO = any_of([place.to for place in PLACES])
WHY = any_of([reason for place in PLACES for reason in place.reasons])
NAME_OF = {place.at: place.name for place in PLACES} | {place.to: place.name for place in PLACES}
NAME_OF |= {f"where one goes {reason}": place.name for place in PLACES for reason in place.reasons}
NAME_OF |= {place.name: place.name for place in PLACES}


def fill(pattern: str, **more: str) -> str:
    """Replace capital-letter words of a pattern by the patterns of names, things, spots and places."""
    known = {"NAME": NAME, "THING": THING, "SPOT": SPOT, "AT": AT, "TO": TO, "WHY": WHY, "NOUN": NOUN} | more
    return re.sub(r"\b[A-Z]{2,}\b", lambda word: known[word.group()], pattern)


def uncapitalized(text: str) -> str:
    """Return a sentence as a clause: without its full stop, in lower case unless it begins with a name."""
    text = text.rstrip(".?")
    return text if re.match(NAME + r"\b", text) else text[0].lower() + text[1:]


def rows(task: str, split: str = "train", count: int = 3000, seed: int = 0) -> Iterator[LabeledExample]:
    return islice(labeled_examples(task, seed, split), count)
