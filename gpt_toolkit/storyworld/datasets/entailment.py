"""Entailment, the counterpart of MNLI: is the hypothesis true, false or undecided, given the premise?

The premise is drawn first: something that was done, something that was not done, and something that was only
thought of. Then the label decides which of the three the hypothesis is about. All words of the hypothesis
come from the premise, so neither of them alone tells the label.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

from gpt_toolkit.storyworld.datasets.labeled_example import Dataset, ExampleChooser, LabeledExample
from gpt_toolkit.storyworld.lexicon import DAYS, SEASONS, TIMES, WEATHER, article, sentence
from gpt_toolkit.storyworld.places import PLACES
from gpt_toolkit.storyworld.wording import halves, load, words

ENTAILED, OPEN, CONTRADICTED = range(3)
NEGATED = 0.2
"""Fraction of hypotheses with "not", for every label (tuned here)."""
_WORDING = load("datasets")["entailment"]


class Topic(NamedTuple):
    """A kind of news, with its wording as done, as not done, as only thought of, and as a hypothesis.

    Attributes:
        done: Clauses.
        undone: Clauses.
        thought_of: Clauses.
        hypotheses: Clauses in pairs, the second with "not".
        part: The slot that makes a hypothesis false if it is filled from another clause; "" for none.
    """

    done: tuple[str, ...]
    undone: tuple[str, ...]
    thought_of: tuple[str, ...]
    hypotheses: tuple[tuple[str, ...], ...]
    part: str


TOPICS = tuple(
    Topic(**table | {"hypotheses": tuple(map(halves, table["hypotheses"]))}) for table in _WORDING["topics"]
)


def draw(rng: Random, split: str) -> LabeledExample:
    """Draw a premise in a genre of the split, and a hypothesis."""
    named, _, mismatched = split.partition("_")
    d = ExampleChooser(rng, named)
    genre = d.pick(MISMATCHED if mismatched else MATCHED)
    asked = d.pick(TOPICS)
    # the topic of the hypothesis once as done, not done and thought of; and something else
    told = [(asked, asked.done), (asked, asked.undone), (asked, asked.thought_of)]
    for _ in range(1 + d.below(2)):
        other = d.pick([topic for topic in TOPICS if topic is not asked])
        told.append((other, d.pick((other.done, other.undone, other.thought_of))))
    things = d.shuffled([d.thing.the, *(d.another_thing().the for _ in told[1:])])
    names = [d.hero.name, *(d.person().name for _ in range(4))]
    places = d.shuffled(PLACES)
    deeds = []
    clauses = []
    for (topic, wordings), thing, place in zip(told, things, places, strict=False):
        a, b = d.shuffled(names)[:2]
        if thing == d.thing.the:  # the hero takes part
            a, b = d.hero.name, d.pick(names[1:])
            if topic.part == "b" and d.chance(0.5):
                a, b = b, a
        spot = d.pick(place.spots).phrase
        deed = {"a": a, "b": b, "t": thing, "spot": spot, "to": place.to, "at": place.at}
        deeds.append(deed)
        clauses.append(d.pick(wordings).format(**deed))
    premise = _GENRES[genre](d, d.shuffled(clauses))

    label = d.below(3)
    negated = d.chance(NEGATED)
    done, undone, thought_of = deeds[:3]
    true = (label == ENTAILED) is not negated  # of the hypothesis without "not"
    part = asked.part
    others = [
        deed[part] for deed in (undone, thought_of) if part and deed[part] not in (done[part], done["a"])
    ]
    deed = thought_of if label == OPEN else done if true else undone
    if deed is undone and others and d.chance(0.4):
        deed = done | {part: d.pick(others)}
    hypothesis = d.pick(asked.hypotheses)[negated].format(**deed)
    return LabeledExample((premise, sentence(hypothesis)), label, genre)


def _story(d: ExampleChooser, clauses: Sequence[str]) -> str:
    season = d.below(4)
    weather, time = d.pick(WEATHER[season]), d.pick(TIMES)
    slots = {"weather": weather, "a_weather": article(weather), "time": time, "season": SEASONS[season]}
    opening = d.pick(_WORDING["story"]["openings"]).format_map(slots)
    links = _WORDING["story"]["links"]
    return " ".join((opening, *(sentence(d.pick(links) + clause) for clause in clauses)))


def _letter(d: ExampleChooser, clauses: Sequence[str]) -> str:
    letter = _WORDING["letter"]
    opening = d.pick(letter["openings"])
    body = " ".join(sentence(d.pick(letter["links"]) + clause) for clause in clauses)
    closing = d.pick(letter["closings"])
    return f"Dear {d.person().name}, {opening}. {body} {closing}, {d.person().name}"


def _notice(d: ExampleChooser, clauses: Sequence[str]) -> str:
    title, opening, closing = (d.pick(_WORDING["notice"][key]) for key in ("titles", "openings", "closings"))
    first, second, *rest = clauses
    body = " ".join(
        sentence(f"it is also known that {clause}" if d.chance(0.4) else clause) for clause in rest
    )
    return f"{title}. {opening} {first}, and that {second}. {body} {closing}"


def _dialogue(d: ExampleChooser, clauses: Sequence[str]) -> str:
    speakers = [d.person().name, d.person().name]
    links, verbs = _WORDING["dialogue"]["links"], words(_WORDING["dialogue"]["verbs"])
    turns = []
    for turn, clause in enumerate(clauses):
        text = sentence(clause if turn == 0 else d.pick(links) + clause, "")
        turns.append(f'"{text}," {d.pick(verbs)} {speakers[turn % 2]}.')
    return " ".join(turns)


def _diary(d: ExampleChooser, clauses: Sequence[str]) -> str:
    diary = _WORDING["diary"]
    opening = d.pick(diary["openings"])
    lines = []
    for clause in clauses:
        link = d.pick(diary["links"])
        lines.append(link + sentence(clause) if link.endswith("? ") else sentence(link + clause))
    closing = d.pick(diary["closings"])
    return f"{d.pick(DAYS)}, late: {opening}. {' '.join(lines)} {closing}"


def _telegram(d: ExampleChooser, clauses: Sequence[str]) -> str:
    body = " STOP ".join(sentence(clause, "") for clause in clauses)
    return f"Telegram to {d.person().name}: {body} STOP {d.pick(_WORDING['telegram']['closings'])}"


_GENRES: dict[str, Callable[[ExampleChooser, Sequence[str]], str]] = {
    "story": _story,
    "letter": _letter,
    "notice": _notice,
    "dialogue": _dialogue,
    "diary": _diary,
    "telegram": _telegram,
}
MATCHED, MISMATCHED = ("story", "letter", "notice"), ("dialogue", "diary", "telegram")
"""The genres of training, and those of the mismatched splits alone."""

ENTAILMENT = Dataset(
    "entailment",
    "entailment",
    ("entailment", "neutral", "contradiction"),
    "accuracy",
    "MNLI",
    draw,
    ("train", "validation", "test", "validation_mismatched", "test_mismatched"),
)
"""The labels have the order in which most libraries number those of MNLI."""
