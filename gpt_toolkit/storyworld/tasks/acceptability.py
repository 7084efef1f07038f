"""Acceptability, CoLA in small: is this a sentence of English, or is something wrong with its form?"""

from random import Random

from gpt_toolkit.storyworld.lexicon import SEASONS, TIMES, WEATHER
from gpt_toolkit.storyworld.places import PLACES
from gpt_toolkit.storyworld.tasks.constructions import CONSTRUCTIONS
from gpt_toolkit.storyworld.tasks.draw import Draw, sentence
from gpt_toolkit.storyworld.tasks.row import Labelled, LabelledTask

ACCEPTABLE = 0.7
"""Share of good sentences (CoLA's training set has 70.4%)."""


def draw(rng: Random, split: str) -> Labelled:
    """Make a row: a sentence with at most one fault."""
    d = Draw(rng, split)
    ok = d.chance(ACCEPTABLE)
    make, setting = d.pick(CONSTRUCTIONS)
    clause = make(d, ok)
    if setting == "question":
        return Labelled((sentence(clause + _meanwhile(d), "?"),), int(ok))
    if setting == "past" and d.chance(0.4):
        clause = f"{_opening(d)}, {clause}"
    else:
        clause += _past_end(d) if setting == "past" and d.chance(0.6) else _end(d)
    return Labelled((sentence(clause),), int(ok))


def _opening(d: Draw) -> str:
    season = d.below(4)
    when = f"{d.pick(WEATHER[season])} {SEASONS[season]} {d.pick(TIMES)}"
    return f"{d.pick(('one', 'on that', 'on another'))} {when}"


def _meanwhile(d: Draw) -> str:
    place = d.pick(PLACES)
    return f" when {d.person().name} went {place.to} {d.pick(place.reasons)}"


def _past_end(d: Draw) -> str:
    if d.chance(0.6):
        return f", and{_meanwhile(d).removeprefix(' when')}"
    name = d.person().name
    return d.pick(
        (f", just as {name} had expected", f", but {name} did not notice", f", and {name} only laughed")
    )


def _end(d: Draw) -> str:
    name, place = d.person().name, d.pick(PLACES)
    return d.pick((f", or so {name} says", f", according to {name}", f", said {name} {place.at}"))


ACCEPTABILITY = LabelledTask(
    "acceptability", "classification", ("unacceptable", "acceptable"), "matthews", "CoLA", draw
)
"""Label 1 means acceptable, as in CoLA."""
