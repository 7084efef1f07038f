"""The places of the valley: why people go there, what they see and where things can be hidden."""

import re
from typing import Any, NamedTuple

from gpt_toolkit.storyworld.wording import load, words


class Spot(NamedTuple):
    """A corner of a place in which a thing can lie, with the tool needed to reach it ("" for none)."""

    phrase: str
    tool: str


class Place(NamedTuple):
    """A place of the valley, with its phrases ready for use in a sentence."""

    name: str
    at: str
    to: str
    reasons: tuple[str, ...]
    sights: tuple[str, ...]
    dull_sights: tuple[str, ...]  # those of every weather
    spots: tuple[Spot, ...]
    hard_spots: tuple[Spot, ...]  # those that need a tool


def _place(table: dict[str, Any], is_home: bool = False) -> Place:
    name = table["name"]
    spots = [Spot(*re.sub(r"^\[(\w+)\] (.*)", r"\2|\1", line).partition("|")[::2]) for line in table["spots"]]
    return Place(
        name,
        "at home" if is_home else f"{table['preposition']} {name}",
        "home" if is_home else f"to {name}",
        table["reasons"],
        tuple(line.removeprefix("[fair] ") for line in table["sights"]),
        tuple(line for line in table["sights"] if not line.startswith("[fair] ")),
        tuple(spot for spot in spots if not spot.tool),
        tuple(spot for spot in spots if spot.tool),
    )


_WORDING = load("places")
TOOLS = words(_WORDING["tools"])
"""The tools that some spots need."""
HOME = _place(_WORDING["home"], is_home=True)
PLACES = tuple(map(_place, _WORDING["places"]))
EMBLEMS = tuple(table["emblem"] for table in _WORDING["places"])
KNOWN_FOR = tuple(table["known_for"] for table in _WORDING["places"])
PLACES_IN = {
    season: tuple(place for place in PLACES if place.name.split()[1] not in words(closed))
    for season, closed in _WORDING["closed"].items()
}
"""The places to which people go in each season."""
