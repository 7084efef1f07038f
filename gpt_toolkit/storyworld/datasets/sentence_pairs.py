"""Sentence pairs: paraphrase, the counterpart of MRPC and QQP, and graded similarity, that of STS-B.

Paraphrase: do two sentences mean the same? Sentences that do not have similar words: a gift became a sale, or
nothing was given, or two people, things or places are exchanged. Wordings are drawn alike for both labels, so
the words of the sentences and their overlap say almost nothing about the label.

Similarity: how many of its five parts does an event share in two sentences? The parts are who gave, who
received, what, where and when. Parts that differ are mostly exchanged with each other, or with those of a
bystander at the end of the sentence. The same place or time may be described in other words. So word overlap
is less than half of the grade.
"""

from random import Random
from typing import NamedTuple

from gpt_toolkit.storyworld.datasets.labeled_example import Dataset, ExampleChooser, LabeledExample
from gpt_toolkit.storyworld.lexicon import sentence
from gpt_toolkit.storyworld.places import PLACES, Place
from gpt_toolkit.storyworld.wording import halves, load

SAME_ORDER = 0.6
"""Fraction of pairs that name the two in the same order if the meaning is the same (tuned here)."""
POLAR, PASSED = 0.2, 0.35
"""Fractions of pairs about whether something was given, and about how a thing changed hands (tuned here)."""


class Relation(NamedTuple):
    """A relation between two people, things or places.

    Attributes:
        of: "people", "things" or "places".
        forward: Clauses in which ``{x}`` comes first.
        backward: Clauses in which ``{y}`` comes first.
    """

    of: str
    forward: tuple[str, ...]
    backward: tuple[str, ...]


_PARAPHRASE = load("datasets")["paraphrase"]
_RELATIONS = tuple(Relation(**table) for table in _PARAPHRASE["relations"])
_PASSINGS = _RELATIONS[:4]  # gift, sale, loan and theft, in similar words
_TIMES = tuple(map(halves, _PARAPHRASE["times"]))
_NAMES = tuple(place.name for place in PLACES)
_GIVING = load("datasets")["similarity"]["giving"]
_PARTS = ("giver", "receiver", "thing", "place", "time")
_ASIDE = {"giver": "bystander", "receiver": "bystander", "thing": "other thing", "place": "elsewhere"}
"""The part with which a part can be exchanged."""
_EXCHANGED = 0.6
"""Fraction of parts that differ by an exchange (tuned here; with more, words say less)."""


def draw_paraphrase(rng: Random, split: str) -> LabeledExample:
    """Draw two sentences of different wording."""
    d = ExampleChooser(rng, split)
    same = d.chance(0.5)
    kind = d.random()
    first, second = (_polar if kind < POLAR else _passing if kind < POLAR + PASSED else _relation)(d, same)
    if d.chance(0.9):
        times = d.shuffled(d.pick(_TIMES))
        first, second = (
            f"{time}, {text}" if d.chance(0.5) else f"{text} {time}"
            for text, time in zip((first, second), times, strict=True)
        )
    return LabeledExample((sentence(first), sentence(second)), int(same))


def _relation(d: ExampleChooser, same: bool) -> tuple[str, str]:
    relation = d.pick(_RELATIONS)
    sides = (relation.forward, relation.backward)
    side = d.below(2)
    frame = d.pick(sides[side])
    other = d.pick(sides[side if d.chance(SAME_ORDER) else 1 - side])
    while other == frame:
        other = d.pick(sides[d.below(2)])
    pair = [d.hero.name, ""]
    if relation.of == "people":
        pair[1] = d.person().name
    elif relation.of == "things":
        pair = [d.thing.the, d.another_thing().the]
    else:
        pair[0] = d.pick(_NAMES)
        while pair[1] in ("", pair[0]):
            pair[1] = d.pick(_NAMES)
    x, y = d.shuffled(pair)
    slots = {"t": d.thing.the, "p": d.hero.name}
    first = frame.format(x=x, y=y, **slots)
    return first, other.format(x=x, y=y, **slots) if same else other.format(x=y, y=x, **slots)


def _passing(d: ExampleChooser, same: bool) -> tuple[str, str]:
    relation = d.pick(_PASSINGS)
    ways = relation if same else d.pick([other for other in _PASSINGS if other is not relation])
    side = d.below(2)
    frame = d.pick((relation.forward, relation.backward)[side])
    other = d.pick((ways.forward, ways.backward)[side if d.chance(SAME_ORDER) else 1 - side])
    while other == frame:
        other = d.pick(ways.forward + ways.backward)
    x, y = d.shuffled((d.hero.name, d.person().name))
    return frame.format(x=x, y=y, t=d.thing.the), other.format(x=x, y=y, t=d.thing.the)


def _polar(d: ExampleChooser, same: bool) -> tuple[str, str]:
    ways = (_PARAPHRASE["done"], _PARAPHRASE["left_undone"])
    side = d.below(2)
    frame, other = d.pick(ways[side]), ""
    while other in ("", frame):
        other = d.pick(ways[side if same else 1 - side])
    x, y = d.shuffled((d.hero, d.person()))
    slots = {"x": x.name, "y": y.name, "t": d.thing.the, "b": y.him}
    return frame.format(**slots), other.format(**slots)


PARAPHRASE = Dataset("paraphrase", "similarity", ("different", "same"), "f1", "MRPC and QQP", draw_paraphrase)


def draw_similarity(rng: Random, split: str) -> LabeledExample:
    """Draw two sentences, graded by the number of parts that agree."""
    d = ExampleChooser(rng, split)
    grade = d.below(6)
    changed = d.shuffled(_PARTS)[grade:]
    giver, receiver = d.shuffled((d.hero, d.person()))
    place, elsewhere = d.shuffled(PLACES)[:2]
    first = {
        "giver": (giver.name,),
        "receiver": (receiver.name,),
        "thing": (d.thing.the,),
        "place": _ways(place),
        "time": d.pick(_TIMES),
        "bystander": (d.person().name,),
        "other thing": (d.another_thing().the,),
        "elsewhere": _ways(elsewhere),
    }
    second = dict(first)
    if "giver" in changed and "receiver" in changed and d.chance(_EXCHANGED):
        second["giver"], second["receiver"] = second["receiver"], second["giver"]
        changed = [part for part in changed if part not in ("giver", "receiver")]
    for part in changed:
        if part in _ASIDE and d.chance(_EXCHANGED):
            second[part], second[_ASIDE[part]] = second[_ASIDE[part]], second[part]
        else:
            while second[part] == first[part]:
                second[part] = _new(d, part)
    return LabeledExample((_tell(d, first), _tell(d, second)), float(grade))


def _ways(place: Place) -> tuple[str, ...]:
    """Return a place, and the same place described by what people do there."""
    return (place.at, *(f"where one goes {reason}" for reason in place.reasons))


def _new(d: ExampleChooser, part: str) -> tuple[str, ...]:
    if part in ("giver", "receiver"):
        return (d.person().name,)
    if part == "thing":
        return (d.another_thing().the,)
    return _ways(d.pick(PLACES)) if part == "place" else d.pick(_TIMES)


def _tell(d: ExampleChooser, parts: dict[str, tuple[str, ...]]) -> str:
    x, y, t = parts["giver"][0], parts["receiver"][0], parts["thing"][0]
    text = d.pick(_GIVING).format(x=x, y=y, t=t)
    place = parts["place"][0] if d.chance(0.75) else d.pick(parts["place"][1:])
    time = d.pick(parts["time"])
    text = f"{time}, {text} {place}" if d.chance(0.5) else f"{text} {place} {time}"
    return sentence(
        f"{text}, while {parts['bystander'][0]} was {parts['elsewhere'][0]} with {parts['other thing'][0]}"
    )


SIMILARITY = Dataset("similarity", "graded", tuple("012345"), "pearson", "STS-B", draw_similarity)
