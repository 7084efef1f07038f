"""Entailment, MNLI in small: is the hypothesis true, false or left open by what the premise tells?

The premise is told first, from what somebody did, what somebody did not do, and what somebody only
thought of. Only then is it drawn which of the three the hypothesis is about; all its words come from the
premise. So neither the premise nor the hypothesis by itself tells the label.
"""

from random import Random
from typing import NamedTuple

from gpt_toolkit.storyworld.places import PLACES
from gpt_toolkit.storyworld.tasks.draw import Draw, sentence
from gpt_toolkit.storyworld.tasks.genres import GENRES, MATCHED, MISMATCHED
from gpt_toolkit.storyworld.tasks.row import Labelled, LabelledTask

ENTAILED, OPEN, CONTRADICTED = range(3)
NEGATED = 0.2
"""Ours: share of hypotheses with "not", whatever the label."""


class Topic(NamedTuple):
    """A kind of news: how it is told as done, as not done and as only thought of, and as a hypothesis.

    ``{a}`` and ``{b}`` are people, ``{t}`` is a thing. Each hypothesis has a second wording with "not".
    """

    done: tuple[str, ...]
    undone: tuple[str, ...]
    thought_of: tuple[str, ...]
    hypotheses: tuple[tuple[str, str], ...]
    part: str  # with this part of another deed, what was done makes a false hypothesis; "" for none


TOPICS = (
    Topic(
        (
            "{a} gave {t} to {b}",
            "{a} handed {b} {t}",
            "{b} got {t} from {a}",
            "{b} was given {t} by {a}",
        ),
        (
            "{a} refused to give {t} to {b}",
            "{b} asked {a} for {t} in vain",
            "{a} did not let {b} have {t}",
            "{a} would not hand {t} to {b}",
        ),
        (
            "{a} promised {t} to {b}",
            "{a} wanted to give {t} to {b}",
            "{a} thought of giving {b} {t}",
            "{b} hoped to get {t} from {a}",
        ),
        (
            ("{b} has {t}", "{b} does not have {t}"),
            ("{t} is with {b}", "{t} is not with {b}"),
            ("{a} gave {t} to {b}", "{a} did not give {t} to {b}"),
            ("{b} received {t} from {a}", "{b} did not receive {t} from {a}"),
        ),
        "b",
    ),
    Topic(
        (
            "{a} put {t} {spot}",
            "{t} lay {spot}, where {a} had left it",
            "{a} hid {t} {spot}",
        ),
        (
            "{a} looked {spot}, but {t} was not there",
            "{a} knew that {t} was not {spot}",
            "{a} found out that {t} was not {spot}",
        ),
        (
            "{a} wondered whether {t} was {spot}",
            "{a} thought that {t} might be {spot}",
            "{a} wanted to hide {t} {spot}",
        ),
        (
            ("{t} is {spot}", "{t} is not {spot}"),
            ("{t} can be found {spot}", "{t} cannot be found {spot}"),
            ("whoever looks {spot} will see {t}", "whoever looks {spot} will not see {t}"),
        ),
        "spot",
    ),
    Topic(
        (
            "{a} went {to} with {t}",
            "{a} took {t} {to}",
            "{a} was {at} with {t} for a while",
            "{a} carried {t} {to} and back",
        ),
        (
            "{a} stayed with {t} instead of going {to}",
            "{a} was busy with {t} and did not go {to}",
            "{a} refused to go {to} and played with {t}",
        ),
        (
            "{a} wanted to go {to} with {t}",
            "{a} was asked to take {t} {to}",
            "{a} thought of going {to} with {t}",
        ),
        (
            ("{a} went {to}", "{a} did not go {to}"),
            ("{a} has been {at}", "{a} has not been {at}"),
        ),
        "",
    ),
)


def draw(rng: Random, split: str) -> Labelled:
    """Make a row in a genre of its split."""
    named, _, mismatched = split.partition("_")
    d = Draw(rng, named)
    genre = d.pick(MISMATCHED if mismatched else MATCHED)
    asked = d.pick(TOPICS)
    # of what is asked about something done, not done and thought of, each once; and something else
    told = [(asked, asked.done), (asked, asked.undone), (asked, asked.thought_of)]
    for _ in range(1 + d.below(2)):
        other = d.pick([topic for topic in TOPICS if topic is not asked])
        told.append((other, d.pick((other.done, other.undone, other.thought_of))))
    things = d.shuffled([d.thing.the, *(d.another().the for _ in told[1:])])
    names = [d.hero.name, *(d.person().name for _ in range(4))]
    places = d.shuffled(PLACES)
    deeds = []
    clauses = []
    for (topic, wordings), thing, place in zip(told, things, places, strict=False):
        a, b = d.shuffled(names)[:2]
        if thing == d.thing.the:  # the hero has to do with it
            a, b = d.hero.name, d.pick(names[1:])
            if topic.part == "b" and d.chance(0.5):
                a, b = b, a
        spot = d.pick(place.spots).phrase
        deed = {"a": a, "b": b, "t": thing, "spot": spot, "to": place.to, "at": place.at}
        deeds.append(deed)
        clauses.append(d.pick(wordings).format(**deed))
    premise = GENRES[genre](d, d.shuffled(clauses))

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
    return Labelled((premise, sentence(hypothesis)), label, genre)


ENTAILMENT = LabelledTask(
    "entailment",
    "entailment",
    ("entailment", "neutral", "contradiction"),
    "accuracy",
    "MNLI",
    draw,
    ("train", "validation", "test", "validation_mismatched", "test_mismatched"),
)
"""Labels in the order of MNLI's published files as most libraries number them."""
