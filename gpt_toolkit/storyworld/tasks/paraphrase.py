"""Paraphrase, MRPC and QQP in small: do two sentences tell the same?

Sentences that do not are made of like words as those that do: a gift has become a sale, or one of the two
says that the deed was not done, or who gave and who got are exchanged, or two things, or two places. Wordings
are drawn alike for pairs that agree and pairs that do not, so the words of the two sentences, and how many of
them they share, tell next to nothing.
"""

from random import Random

from gpt_toolkit.storyworld.places import PLACES
from gpt_toolkit.storyworld.tasks.draw import Draw, sentence
from gpt_toolkit.storyworld.tasks.relations import DONE, LEFT_UNDONE, PASSINGS, RELATIONS, TIMES
from gpt_toolkit.storyworld.tasks.row import Labelled, LabelledTask

SAME_ORDER = 0.6
"""Ours: share of pairs that name the two in the same order when they tell the same."""
POLAR, PASSED = 0.2, 0.35
"""Ours: shares of pairs about whether a deed was done, and about how a thing passed to somebody."""
_NAMES = tuple(place.name for place in PLACES)


def draw(rng: Random, split: str) -> Labelled:
    """Make a row: two sentences of different wording."""
    d = Draw(rng, split)
    same = d.chance(0.5)
    kind = d.random()
    first, second = (_polar if kind < POLAR else _passing if kind < POLAR + PASSED else _relation)(d, same)
    if d.chance(0.9):
        times = d.shuffled(d.pick(TIMES))
        first, second = (
            f"{time}, {text}" if d.chance(0.5) else f"{text} {time}"
            for text, time in zip((first, second), times, strict=True)
        )
    return Labelled((sentence(first), sentence(second)), int(same))


def _relation(d: Draw, same: bool) -> tuple[str, str]:
    relation = d.pick(RELATIONS)
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
        pair = [d.thing.the, d.another().the]
    else:
        pair[0] = d.pick(_NAMES)
        while pair[1] in ("", pair[0]):
            pair[1] = d.pick(_NAMES)
    x, y = d.shuffled(pair)
    told = {"t": d.thing.the, "p": d.hero.name}
    first = frame.format(x=x, y=y, **told)
    return first, other.format(x=x, y=y, **told) if same else other.format(x=y, y=x, **told)


def _passing(d: Draw, same: bool) -> tuple[str, str]:
    relation = d.pick(PASSINGS)
    ways = relation if same else d.pick([other for other in PASSINGS if other is not relation])
    side = d.below(2)
    frame = d.pick((relation.forward, relation.backward)[side])
    other = d.pick((ways.forward, ways.backward)[side if d.chance(SAME_ORDER) else 1 - side])
    while other == frame:
        other = d.pick(ways.forward + ways.backward)
    x, y = d.shuffled((d.hero.name, d.person().name))
    return frame.format(x=x, y=y, t=d.thing.the), other.format(x=x, y=y, t=d.thing.the)


def _polar(d: Draw, same: bool) -> tuple[str, str]:
    ways = (DONE, LEFT_UNDONE)
    side = d.below(2)
    frame, other = d.pick(ways[side]), ""
    while other in ("", frame):
        other = d.pick(ways[side if same else 1 - side])
    x, y = d.shuffled((d.hero, d.person()))
    told = {"x": x.name, "y": y.name, "t": d.thing.the, "b": "her" if y.female else "him"}
    return frame.format(**told), other.format(**told)


PARAPHRASE = LabelledTask("paraphrase", "similarity", ("different", "same"), "f1", "MRPC and QQP", draw)
