"""Words of Storyworld that several kinds of text use, and the spelling of English articles."""

from functools import cache
from typing import NamedTuple

from gpt_toolkit.storyworld.wording import load, words


class Noun(NamedTuple):
    """A kind of thing that people own."""

    word: str
    small: bool
    soft: bool  # it tears and does not break
    adjectives: tuple[str, ...]


_WORDING = load("names_and_things")

FEMALE_NAMES = words(_WORDING["female_names"])
MALE_NAMES = words(_WORDING["male_names"])
FAMILY_NAMES = words(_WORDING["family_names"])
TRADES = words(_WORDING["trades"])
TRAITS = words(_WORDING["traits"])
SMALL_THIEVES: tuple[str, ...] = _WORDING["small_thieves"]
BIG_THIEVES: tuple[str, ...] = _WORDING["big_thieves"]
NOUNS = tuple(
    Noun(word, group["size"] == "small", group["size"] == "soft", words(group["adjectives"]))
    for group in _WORDING["things"]
    for word in words(group["words"])
)
"""Every thing of the valley. No other list has these words, because the splits depend on them."""
NOT_MADE = frozenset(words(_WORDING["not_made"]))
"""Things that are never made, and adjectives of things that were not made today."""
FOODS: tuple[str, ...] = _WORDING["foods"]
JUNK: tuple[str, ...] = _WORDING["junk"]
SHELTERS: tuple[str, ...] = _WORDING["shelters"]
LATE: tuple[str, ...] = _WORDING["late"]
SEASONS = tuple(_WORDING["weather"])
WEATHER: tuple[tuple[str, ...], ...] = tuple(_WORDING["weather"].values())
"""The weather of each season, in the order of ``SEASONS``."""
FAIR_WEATHER = words(_WORDING["fair_weather"])
TIMES = words(_WORDING["times"])
MONTHS = words(_WORDING["months"])
DAYS = words(_WORDING["days"])
COLORS = words(_WORDING["colors"])
NUMBERS = words(_WORDING["numbers"])


@cache
def article(phrase: str) -> str:
    """Return a phrase with its indefinite article, which depends on the first sound."""
    silent = phrase.startswith(("honest", "hour"))
    spoken_y = phrase.startswith(("uku", "uni"))
    return f"an {phrase}" if silent or (phrase[0] in "aeiou" and not spoken_y) else f"a {phrase}"


def upper_first(text: str) -> str:
    """Return a text with a capital letter at its start."""
    return text[0].upper() + text[1:]


def sentence(clause: str, mark: str = ".") -> str:
    """Return a clause as a sentence."""
    return clause[0].upper() + clause[1:] + mark
