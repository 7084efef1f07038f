"""Graded similarity, STS-B in small: in how many of its five parts is an event the same in two sentences?

The parts are who gave, who received, what, where and when. Somebody else is told of at the end of each
sentence, with another thing at another place. Words are less than half of the grade: parts that differ are
mostly exchanged with each other or with those of the bystander, and the same place or time may be told in
other words.
"""

from random import Random

from gpt_toolkit.storyworld.places import PLACES, Place
from gpt_toolkit.storyworld.tasks.draw import Draw, sentence
from gpt_toolkit.storyworld.tasks.relations import TIMES
from gpt_toolkit.storyworld.tasks.row import Labelled, LabelledTask

PARTS = ("giver", "receiver", "thing", "place", "time")
GIVING = (
    "{x} gave {t} to {y}",
    "{x} handed {y} {t}",
    "{y} received {t} from {x}",
    "{y} was given {t} by {x}",
    "{x} let {y} have {t}",
)
ASIDE = {"giver": "bystander", "receiver": "bystander", "thing": "other thing", "place": "elsewhere"}
"""What a part can be exchanged with."""
EXCHANGED = 0.6
"""Ours: share of parts that differ by an exchange; more make the words say less."""


def draw(rng: Random, split: str) -> Labelled:
    """Make a row: two sentences, and how many parts agree."""
    d = Draw(rng, split)
    grade = d.below(6)
    changed = d.shuffled(PARTS)[grade:]
    giver, receiver = d.shuffled((d.hero, d.person()))
    place, elsewhere = d.shuffled(PLACES)[:2]
    first = {
        "giver": (giver.name,),
        "receiver": (receiver.name,),
        "thing": (d.thing.the,),
        "place": _ways(place),
        "time": d.pick(TIMES),
        "bystander": (d.person().name,),
        "other thing": (d.another().the,),
        "elsewhere": _ways(elsewhere),
    }
    second = dict(first)
    if "giver" in changed and "receiver" in changed and d.chance(EXCHANGED):
        second["giver"], second["receiver"] = second["receiver"], second["giver"]
        changed = [part for part in changed if part not in ("giver", "receiver")]
    for part in changed:
        if part in ASIDE and d.chance(EXCHANGED):
            second[part], second[ASIDE[part]] = second[ASIDE[part]], second[part]
        else:
            while second[part] == first[part]:
                second[part] = _new(d, part)
    return Labelled((_tell(d, first), _tell(d, second)), float(grade))


def _ways(place: Place) -> tuple[str, ...]:
    """Where something happened, and the same told by what people do there."""
    return (place.at, *(f"where one goes {reason}" for reason in place.reasons))


def _new(d: Draw, part: str) -> tuple[str, ...]:
    if part in ("giver", "receiver"):
        return (d.person().name,)
    if part == "thing":
        return (d.another().the,)
    return _ways(d.pick(PLACES)) if part == "place" else d.pick(TIMES)


def _tell(d: Draw, parts: dict[str, tuple[str, ...]]) -> str:
    x, y, t = parts["giver"][0], parts["receiver"][0], parts["thing"][0]
    text = d.pick(GIVING).format(x=x, y=y, t=t)
    place = parts["place"][0] if d.chance(0.75) else d.pick(parts["place"][1:])
    time = d.pick(parts["time"])
    text = f"{time}, {text} {place}" if d.chance(0.5) else f"{text} {place} {time}"
    return sentence(
        f"{text}, while {parts['bystander'][0]} was {parts['elsewhere'][0]} with {parts['other thing'][0]}"
    )


SIMILARITY = LabelledTask("similarity", "graded", tuple("012345"), "pearson", "STS-B", draw)
