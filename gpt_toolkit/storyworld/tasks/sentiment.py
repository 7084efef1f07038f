"""Sentiment, SST-2 in small: was somebody pleased with something, or not?

What decides is how the words are put together. Negation turns an opinion around ("anything but superb") or,
in almost the same words, does not ("nothing but superb"); of two opinions the main clause counts; what others
say counts only as far as the person agrees. So that words are a hint but not enough, a clause turns its
adjective around in ``TURNED`` of the rows.
"""

from random import Random

from gpt_toolkit.storyworld.lexicon import SEASONS, TIMES, WEATHER
from gpt_toolkit.storyworld.places import PLACES
from gpt_toolkit.storyworld.tasks.draw import Draw, sentence
from gpt_toolkit.storyworld.tasks.opinions import ADJECTIVES, RANKS, SUBJECTS, VERBS, Subject
from gpt_toolkit.storyworld.tasks.row import Labelled, LabelledTask
from gpt_toolkit.storyworld.world import PEOPLE, SPLITS, split_of

TURNED = 0.36
"""Ours: words alone then decide at most 60% of the rows right."""
_NUMBERS = 1000  # ours: beyond the numbers of the nouns, so that a person and a subject are held out likewise

# {s} the subject, {n} its noun, {h} the person, {o} another person, {a} and {b} adjectives, {c} and {d}
# adjectives of the other side, {r} "better" or "worse", {v} a verb, {w} a verb of the other side
PLAIN = (
    "{s} was {a}",
    "{h} found {s} {a}",
    "{h} called {s} {a} and {b}",
    "{s} was nothing but {a}",
    "{s} was not only {a} but also {b}",
    "{s} could not have been more {a}",
    "{h} could not deny that {s} was {a}",
    "{h} had never seen a {r} {n}",
    "there was no {r} {n} in the valley",
    "{s} could not have been {r}",
    "{h} {v} {s}",
    "nobody {v} {s} more than {h}",
    "{h} never doubted that {s} was {a}",
)
"""Clauses that mean what their adjective says."""
AROUND = (
    "{s} was not {c}",
    "{h} did not find {s} {c}",
    "{h} would not call {s} {c} or {d}",
    "{s} was anything but {c}",
    "{s} was neither {c} nor {d}",
    "{s} could have been more {c}",
    "{h} could not say that {s} was {c}",
    "{h} had often seen a {x} {n}",
    "there was many a {x} {n} in the valley",
    "{s} could have been {x}",
    "{h} never {w} {s}",
    "nobody {w} {s} less than {h}",
    "{h} never believed that {s} was {c}",
    "{s} was far from {c}",
    "{s} was hardly {c}",
)
"""Clauses that mean the opposite of what their adjective says."""
JOINED = (
    ("although {o} {w} {s}, ", ""),
    ("as {o}, who {v} {s}, had foretold, ", ""),
    ("{s} had looked {c} at first, but ", ""),
    ("{s} had looked {a} at first, and ", ""),
    ("", ", although it had looked {c} at first"),
    ("", ", and it had looked {a} from the beginning"),
    ("{o} {w} {s}, but ", ""),
    ("{o} {v} {s}, and ", ""),
    ("", ", although {o} {w} everything about it"),
    ("", ", and {o} {v} everything about it"),
)
"""What may stand around the clause that counts."""
ECHOED = (
    ("{o} called {s} {a}, and {h} agreed", "{o} called {s} {c}, but {h} disagreed"),
    ("{h} had expected {s} to be {a}, and so it was", "{h} had expected {s} to be {c}, but it was not"),
    (
        "{o} had told {h} that {s} was {a}, and that was true",
        "{o} had told {h} that {s} was {c}, but that was not true",
    ),
    (
        "{h} was of the same opinion as {o}, who {v} {s}",
        "{h} was not of the same opinion as {o}, who {w} {s}",
    ),
)
"""Opinions of somebody else, shared and not shared."""
OF = {
    split: tuple(
        tuple(subject for subject in SUBJECTS if split_of(person.index, _NUMBERS + subject.number) == split)
        for person in PEOPLE
    )
    for split in SPLITS
}
"""For each split and person, what the person may have an opinion about."""


def draw(rng: Random, split: str) -> Labelled:
    """Make a row: an opinion in one sentence, sometimes with the occasion before it."""
    d = Draw(rng, split)
    positive = d.chance(0.5)
    subject = _subject(d)
    turned = d.chance(TURNED)
    kind = d.random()
    if kind < 0.2:
        clause = d.pick(ECHOED)[turned]
    else:
        clause = d.pick(AROUND if turned else PLAIN)
        if kind < 0.6:
            before, after = d.pick(JOINED)
            clause = before + clause + after
    good = ADJECTIVES[subject.kind][not positive]
    bad = ADJECTIVES[subject.kind][positive]
    a, c = d.below(len(good)), d.below(len(bad))
    if d.chance(0.5):
        first, *rest = clause.split("{s}")
        clause = first + "{s}" * bool(rest) + "it".join(rest)
    else:
        clause = clause.replace("{s}", "it")
    others = subject.kind in ("event", "place") or "{o}" in clause
    hero = d.hero.name if others or d.chance(0.5) else "she" if d.hero.female else "he"
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
    return Labelled((f"{_occasion(d, subject)} {sentence(text)}",), int(positive))


def _subject(d: Draw) -> Subject:
    """The thing of the row, or something else that the split lets this person have an opinion about."""
    subjects = OF[d.split][d.hero.index]
    if not subjects or d.chance(0.4):
        return Subject(0, d.thing.the, d.thing.word, "thing")
    return d.pick(subjects)


def _occasion(d: Draw, subject: Subject) -> str:
    """When and why the person came to have an opinion."""
    season = d.below(4)
    when = f"one {d.pick(WEATHER[season])} {SEASONS[season]} {d.pick(TIMES)}"
    verbs = {
        "dish": ("tasted", "was offered", "ordered"),
        "event": ("went to", "saw", "took part in"),
        "place": ("visited", "came to", "passed"),
        "thing": ("bought", "was given", "looked at"),
    }
    what = f"{d.hero.name} {d.pick(verbs[subject.kind])} {subject.the}"
    what += f" {d.pick(PLACES).at}" if subject.kind in ("dish", "thing") else f" with {d.person().name}"
    return sentence(d.pick((f"{when}, {what}", f"{what} {when}")))


SENTIMENT = LabelledTask("sentiment", "classification", ("negative", "positive"), "accuracy", "SST-2", draw)
