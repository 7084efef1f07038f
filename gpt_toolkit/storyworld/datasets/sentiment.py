"""Sentiment, the counterpart of SST-2: was a person pleased with something?

The label depends on how the words are combined. Negation reverses an opinion ("anything but superb") or, in
almost the same words, does not ("nothing but superb"). Of two opinions the main clause counts. Opinions of
others count only as far as the person agrees. A fraction ``NEGATED`` of the clauses reverses the adjective,
so words are a hint but not enough.
"""

from random import Random
from typing import NamedTuple

from gpt_toolkit.storyworld.datasets.labeled_example import Dataset, ExampleChooser, LabeledExample
from gpt_toolkit.storyworld.lexicon import SEASONS, TIMES, WEATHER, sentence
from gpt_toolkit.storyworld.people import PEOPLE, SPLITS, split_of
from gpt_toolkit.storyworld.places import PLACES
from gpt_toolkit.storyworld.wording import halves, load, words

NEGATED = 0.36
"""Fraction of negated clauses (tuned here: words alone then decide at most 60% of the examples)."""
FIRST_NUMBER = 1000  # beyond the numbers of the nouns, so that a person and a subject are held out likewise
_WORDING = load("datasets")["sentiment"]


class Subject(NamedTuple):
    """A subject of opinions, and the kind of adjectives that fit it."""

    number: int
    the: str
    word: str
    kind: str


def _sides(line: str) -> tuple[tuple[str, ...], ...]:
    """Return the words of praise and those of blame."""
    return tuple(map(words, halves(line)))


SUBJECTS = tuple(
    Subject(number, f"the {name}", name.split()[-1], kind)
    for number, (name, kind) in enumerate(
        (
            *((name, "dish") for name in _WORDING["dishes"]),
            *((name, "event") for name in _WORDING["events"]),
            *((place.name.removeprefix("the "), "place") for place in PLACES),
        )
    )
)
"""The subjects of opinions besides things."""
ADJECTIVES = {
    kind: tuple(
        common + special for common, special in zip(_sides(_WORDING["adjectives"]), _sides(line), strict=True)
    )
    for kind, line in _WORDING["more_adjectives"].items()
}
VERBS, RANKS = _sides(_WORDING["verbs"]), _sides(_WORDING["ranks"])
_ECHOED = tuple(map(halves, _WORDING["echoed"]))
_SUBJECTS_OF = {
    split: tuple(
        tuple(s for s in SUBJECTS if split_of(person.index, FIRST_NUMBER + s.number) == split)
        for person in PEOPLE
    )
    for split in SPLITS
}
"""For each split and person, the subjects about which the person may have an opinion."""


def draw(rng: Random, split: str) -> LabeledExample:
    """Draw an occasion and an opinion, in one sentence each."""
    d = ExampleChooser(rng, split)
    positive = d.chance(0.5)
    subject = _subject(d)
    negated = d.chance(NEGATED)
    kind = d.random()
    if kind < 0.2:
        clause = d.pick(_ECHOED)[negated]
    else:
        clause = d.pick(_WORDING["negating" if negated else "plain"])
        if kind < 0.6:
            clause = d.pick(_WORDING["joined"]).replace("{clause}", clause)
    good = ADJECTIVES[subject.kind][not positive]
    bad = ADJECTIVES[subject.kind][positive]
    a, c = d.below(len(good)), d.below(len(bad))
    if d.chance(0.5):
        first, *rest = clause.split("{s}")
        clause = first + "{s}" * bool(rest) + "it".join(rest)
    else:
        clause = clause.replace("{s}", "it")
    others = subject.kind in ("event", "place") or "{o}" in clause
    hero = d.hero.name if others or d.chance(0.5) else d.hero.he
    text = clause.format(
        s=subject.the,
        n=subject.word,
        h=hero,
        o=d.person().name if "{o}" in clause else "",
        a=good[a],
        b=good[(a + 1 + d.below(len(good) - 1)) % len(good)],
        c=bad[c],
        d=bad[(c + 1 + d.below(len(bad) - 1)) % len(bad)],
        r=d.pick(RANKS[not positive]),
        x=d.pick(RANKS[positive]),
        v=d.pick(VERBS[not positive]),
        w=d.pick(VERBS[positive]),
    )
    return LabeledExample((f"{_occasion(d, subject)} {sentence(text)}",), int(positive))


def _subject(d: ExampleChooser) -> Subject:
    """Return the thing of the example, or something else that the split allows."""
    subjects = _SUBJECTS_OF[d.split][d.hero.index]
    if not subjects or d.chance(0.4):
        return Subject(0, d.thing.the, d.thing.word, "thing")
    return d.pick(subjects)


def _occasion(d: ExampleChooser, subject: Subject) -> str:
    """Return when and how the person came to have an opinion."""
    season = d.below(4)
    when = f"one {d.pick(WEATHER[season])} {SEASONS[season]} {d.pick(TIMES)}"
    what = f"{d.hero.name} {d.pick(_WORDING['occasions'][subject.kind])} {subject.the}"
    what += f" {d.pick(PLACES).at}" if subject.kind in ("dish", "thing") else f" with {d.person().name}"
    return sentence(d.pick((f"{when}, {what}", f"{what} {when}")))


SENTIMENT = Dataset("sentiment", "classification", ("negative", "positive"), "accuracy", "SST-2", draw)
