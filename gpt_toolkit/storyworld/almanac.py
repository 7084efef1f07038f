"""What is in the valley's almanac: lasting attributes of its families, people and places.

Like the people themselves they depend on no seed. Whoever needs one as a sentence takes it from ``facts``.
"""

from typing import NamedTuple

from gpt_toolkit.storyworld.lexicon import phrases, words
from gpt_toolkit.storyworld.places import PLACES
from gpt_toolkit.storyworld.world import FAMILIES, PEOPLE, Person, mix

MONTHS = words("January February March April May June July August September October November December")
COLORS = words("red blue green yellow white black brown gray orange purple")
RIVERS = words("Alda Brenna Corvel Fenwater Isk Morrow")
STREETS = phrases(
    """
    Mill Lane; Church Street; Bridge Street; Baker Row; Willow Lane; Tanner Street; High Street; Goose Lane;
    Well Street; Linden Street; Chapel Hill; Harbor Street; Station Road; Orchard Row; Castle Road; Meadow
    Lane; Pond Street; Cooper Alley; Vine Street; North Gate
    """
)
"""The street of each family, in the order of ``FAMILY_NAMES``."""

EMBLEMS = phrases(
    """
    a fox; an owl; a hare; a stag; a trout; a wolf; a bear; a swan; a lion; a rooster; a hedgehog; an otter; a
    heron; a badger; a ram; a horse; a snail; an eagle; a crown; a key; an anchor; a bell; a ship; a rose; a
    sickle; a star; a wheel; an oak leaf; a full moon; a beehive
    """
)
"""What the sign of each place shows, in the order of ``PLACES``."""

KNOWN_FOR = phrases(
    """
    its great wheel; its sweet plums; its seven arches; its fresh herring; its orange juggler; its tall oaks;
    its clear water; its old globe; its poppy seed rolls; its loud bellows; its gentle cows; its winding
    stairs; its dry well; its butterflies; its giant sunflowers; its silence; its whistling engine; its
    sandcastles; its wide view; its colored windows; its apple cider; its paper boats; its bubbling glue pot;
    its fossils; its friendly ponies; its sour grapes; its singing frogs; its lemon trees; its brass band; its
    rainbow
    """
)
"""What people come for, in the order of ``PLACES``."""


class PlaceEntry(NamedTuple):
    """What the almanac says about a place."""

    river: str
    feast: str
    next: int  # the place that follows on the ring road, as an index of ``PLACES``
    keeper: Person
    emblem: str
    known_for: str


def _shuffled(salt: int, count: int) -> list[int]:
    """The numbers below ``count`` in an order that a hash decides."""
    return sorted(range(count), key=lambda number: mix(salt, number))


def _place_entries() -> tuple[PlaceEntry, ...]:
    road = _shuffled(21, len(PLACES))
    following = {place: road[(at + 1) % len(road)] for at, place in enumerate(road)}
    adults = [person for person in PEOPLE if person.trade]
    keepers = [adults[number] for number in _shuffled(22, len(adults))]
    entries = []
    for index in range(len(PLACES)):
        rank = ("first", "second", "third", "last")[mix(23, index) % 4]
        feast = f"the {rank} Sunday in {MONTHS[mix(24, index) % 12]}"
        river = RIVERS[mix(25, index) % len(RIVERS)]
        entries.append(
            PlaceEntry(river, feast, following[index], keepers[index], EMBLEMS[index], KNOWN_FOR[index])
        )
    return tuple(entries)


assert len(EMBLEMS) == len(KNOWN_FOR) == len(PLACES)
assert len(STREETS) == len(FAMILIES)
PLACE_ENTRIES = _place_entries()
"""In the order of ``PLACES``."""
BIRTHDAYS = tuple(MONTHS[mix(26, person.index) % 12] for person in PEOPLE)
"""The month in which each person was born, in the order of ``PEOPLE``."""
DOORS = tuple(COLORS[mix(27, family) % len(COLORS)] for family in range(len(FAMILIES)))
"""The color of the door of each family, in the order of ``FAMILY_NAMES``."""
