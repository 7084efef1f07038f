"""The common nouns of Storyworld that a cloze row can offer, by what they stand for."""

from collections.abc import Iterable

from gpt_toolkit.storyworld.benchmarks.decided import NOT_NOUNS, PLACE, SPOT, THING
from gpt_toolkit.storyworld.lexicon import FOODS, JUNK, NOUNS, TRADES, words
from gpt_toolkit.storyworld.places import HOME, OBSTACLES, PLACES


def _last_words(phrases: Iterable[str]) -> frozenset[str]:
    return frozenset(phrase.rpartition(" ")[2] for phrase in phrases) - NOT_NOUNS - {"well"}


NOUNS_OF = {
    THING: frozenset(noun.word for noun in NOUNS),
    PLACE: _last_words(place.name for place in PLACES),
    SPOT: _last_words(spot.phrase for place in (HOME, *PLACES) for spot in place.spots + place.hard_spots),
    "other": _last_words((*FOODS, *JUNK, *OBSTACLES.values()))
    | frozenset(TRADES)
    | frozenset(
        words(
            """
            path door window key handcart onion step shoes pocket bucket song letter lock lid fence shoelace
            bag voice ribbon card paper box treasure straw lamp bells lane shoulders hand hands finger cheek
            pennies tune town room weasel sparrow hedgehog chimneys roofs supper tale stars moon owl bow boat
            train wind
            """
        )
    ),
}
ALL_NOUNS = frozenset().union(*NOUNS_OF.values())
