"""Acceptability, the counterpart of CoLA: is the form of a sentence correct?

A construction of English makes a clause that is well formed or has one error. Two choices decide most of them
(the auxiliary and the form of the verb, for example): an error is a pair that does not fit. Each choice by
itself is as frequent in good clauses as in bad ones, so single words say nothing about the label. For the
same reason, what is omitted in one clause is doubled in another.
"""

from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

from gpt_toolkit.storyworld.datasets.labeled_example import Dataset, ExampleChooser, LabeledExample
from gpt_toolkit.storyworld.lexicon import SEASONS, TIMES, TRADES, WEATHER, sentence
from gpt_toolkit.storyworld.places import PLACES
from gpt_toolkit.storyworld.wording import load, words

ACCEPTABLE = 0.7
"""Fraction of acceptable sentences (70.4% in CoLA's training data)."""
_WORDING = load("datasets")["acceptability"]
_STRONG, _VERBS, _COUNTED, _GRADED = (
    tuple(map(words, _WORDING[key])) for key in ("strong_verbs", "verbs", "counted", "graded")
)
_CLAUSES: dict[str, Any] = _WORDING["clauses"]
_LISTS: dict[str, tuple[str, ...]] = {
    key: words(value) if isinstance(value, str) else value
    for key, value in _WORDING.items()
    if key != "clauses"
}


class Construction(NamedTuple):
    """A construction, and the openings and ends that fit it.

    Attributes:
        make: Function that makes a clause, well formed or not.
        setting: "past" if a past opening or end fits, "any" if only a general end fits, or "question".
    """

    make: Callable[[ExampleChooser, bool], str]
    setting: str


def _clause(d: ExampleChooser, key: str, **slots: str) -> str:
    slots["hero"], slots["the"] = d.hero.name, d.thing.the
    template: str = _CLAUSES[key]
    return template.format_map(slots)


def number_of_verb(d: ExampleChooser, ok: bool) -> str:
    """Make the verb agree with its subject, even with words between them."""
    many = d.chance(0.5)
    verb = "were" if many is ok else "was"
    what = d.pick(_LISTS["busy_with"])
    frame = d.below(3)
    if frame == 0:
        who = d.pick(_LISTS["acquaintances"]) + "s" * many
        return _clause(d, "subject_of", who=who, verb=verb, what=what)
    if frame == 1:
        one, more = d.pick(_COUNTED)
        return _clause(d, "there", verb=verb, what=f"three {more}" if many else f"one {one}")
    if many:
        return _clause(d, "two_people", other=d.person().name, verb=verb, what=what)
    return _clause(d, "like_all", his=d.hero.his, verb=verb, what=what)


def number_of_perfect(d: ExampleChooser, ok: bool) -> str:
    """Make "has" or "have" agree with its subject."""
    many = d.chance(0.5)
    verb = "have" if many is ok else "has"
    who = d.pick(_LISTS["relatives"]) + "s" * many
    return _clause(d, "perfect", who=who, verb=verb, what=d.pick(_LISTS["has_always"]))


def case(d: ExampleChooser, ok: bool) -> str:
    """Give a pronoun the case of its place."""
    other = d.person()
    subject = d.chance(0.5)
    it = other.he if subject is ok else other.him
    verb = d.pick(_LISTS["handing"])
    options = _CLAUSES["pronoun_as_subject" if subject else "pronoun_as_object"]
    template = d.pick(options) if d.chance(0.3) else options[0]
    return d.phrase(template, hero=d.hero.name, the=d.thing.the, other=other.name, it=it, verb=verb)


def a_or_an(d: ExampleChooser, ok: bool) -> str:
    """Choose the indefinite article by the sound that follows."""
    vowel = d.chance(0.5)
    slots = {
        "article": "an" if vowel is ok else "a",
        "adjective": d.pick(_LISTS["vowel_adjectives" if vowel else "consonant_adjectives"]),
        "verb": d.pick(_LISTS["acquiring"]),
        "other": d.person().name,
    }
    return _clause(d, "article", noun=d.thing.word, **slots)


def time_of_verb(d: ExampleChooser, ok: bool) -> str:
    """Make the tense agree with the adverb of time."""
    future = d.chance(0.5)
    base, past, _ = d.pick(_VERBS)
    clause = _clause(d, "plain", verb=f"will {base}" if future else past)
    time = d.pick(_LISTS["future_times" if future is ok else "past_times"])
    return f"{time}, {clause}" if d.chance(0.5) else f"{clause} {time}"


def form_of_verb(d: ExampleChooser, ok: bool) -> str:
    """Use the form of the verb that its auxiliary needs."""
    base, past, participle = d.pick(_STRONG)
    auxiliary, form = ("did not", base) if d.chance(0.5) else ("had", participle)
    helped = d.chance(0.5)
    verb = f"{auxiliary} {form if ok else past}" if helped else past if ok else form
    return _clause(d, "plain", verb=verb)


def complement(d: ExampleChooser, ok: bool) -> str:
    """Use an infinitive or an -ing form, as the verb needs."""
    base, _, doing = d.pick(_VERBS)
    infinitive = d.chance(0.5)
    verb = d.pick(_LISTS["with_infinitive" if infinitive is ok else "with_gerund"])
    return _clause(d, "plain", verb=f"{verb} to {base}" if infinitive else f"{verb} {doing}")


def arguments(d: ExampleChooser, ok: bool) -> str:
    """Give putting an object and a place, seeing an object, sleeping no object."""
    what, where = f" the {d.pick(_LISTS['goods'])}", f" {d.pick(d.pick(PLACES).spots).phrase}"
    kind = d.below(3)
    verb = d.pick(_LISTS[("putting", "seeing", "sleeping")[kind]])
    # objects and places are equally frequent in good and bad clauses: each in two of three
    has_object = kind != 2 if ok else kind != 1
    has_place = kind != 1 if ok else kind != 0
    verb += what * has_object + where * has_place
    busy = d.pick(_LISTS["away_with"])
    return _clause(d, "arguments", verb=verb, other=d.person().name, busy=busy)


def government(d: ExampleChooser, ok: bool) -> str:
    """Use "to" with verbs of giving and "from" with verbs of getting."""
    giving = d.chance(0.5)
    verb, preposition = d.pick(_LISTS["giving" if giving is ok else "getting"]), "to" if giving else "from"
    return _clause(d, "government", verb=verb, preposition=preposition, other=d.person().name)


def reflexive(d: ExampleChooser, ok: bool) -> str:
    """Give a reflexive pronoun the gender of the subject, not of another name."""
    hero = d.hero
    other = d.person(lambda person: person.female is not hero.female)
    return d.phrase(
        _CLAUSES["reflexive"],
        hero=hero.name,
        the=d.thing.the,
        other=other.name,
        reflexive="herself" if hero.female is ok else "himself",
    )


def relative(d: ExampleChooser, ok: bool) -> str:
    """Use "who" for people and "which" for things."""
    person = d.chance(0.5)
    slots = {
        "pronoun": "who" if person is ok else "which",
        "verb": d.pick(_LISTS["treating"]),
        "liked": d.pick(_LISTS["liking_people" if person else "liking_things"]),
        "trade": d.pick(TRADES),
    }
    return _clause(d, "relative_of_person" if person else "relative_of_thing", **slots)


def count(d: ExampleChooser, ok: bool) -> str:
    """Use numbers and "many" with plurals, "much" with nouns that cannot be counted."""
    many = d.chance(0.5)
    is_plural = many is ok
    if d.chance(0.5):
        number = d.pick(_LISTS["plural_numbers" if is_plural else "singular_numbers"])
        what = f"{number} {d.pick(_COUNTED)[many]}"
    else:
        noun = d.pick(_COUNTED)[1] if many else d.pick(_LISTS["masses"])
        what = f"so {'many' if is_plural else 'much'} {noun}"
    return _clause(d, "price", what=what, other=d.person().name)


def comparison(d: ExampleChooser, ok: bool) -> str:
    """Use "as" after "as old" and "than" after "older"."""
    equal = d.chance(0.5)
    plain, more = d.pick(_GRADED)
    what, conjunction = f"as {plain}" if equal else more, "as" if equal is ok else "than"
    return _clause(d, "comparison", what=what, conjunction=conjunction, other=d.person().name)


def pair(d: ExampleChooser, ok: bool) -> str:
    """Use "nor" after "neither" and "or" after "either"."""
    negative = d.chance(0.5)
    first, second = "neither" if negative else "either", "nor" if negative is ok else "or"
    thing, other_thing = d.shuffled((d.thing.the, d.another_thing().the))
    verb = d.pick(_LISTS["choosing"])
    return _clause(d, "pair", verb=verb, first=first, thing=thing, second=second, other_thing=other_thing)


def manner(d: ExampleChooser, ok: bool) -> str:
    """Use an adverb with a verb and an adjective with "was"."""
    how = d.pick(_LISTS["manners"])
    adverb = d.chance(0.5)
    if adverb:
        how = how[:-2] + "ly" if how.endswith("le") else f"{how}ly"
    if adverb is ok:
        past = d.pick(_VERBS)[1]
        return _clause(d, d.pick(("adverb_last", "adverb_first")), past=past, how=how)
    return _clause(d, "adjective", how=how)


def question(d: ExampleChooser, ok: bool) -> str:
    """Put the auxiliary before the subject of a question."""
    base, _, participle = d.pick(_STRONG)
    word = d.pick(_LISTS["question_words"])
    auxiliary, form = ("did", base) if d.chance(0.5) else ("had", participle)
    subject = f"{auxiliary} {d.hero.name}" if ok else f"{d.hero.name} {auxiliary}"
    return _clause(d, "question", word=word, subject=subject, verb=form)


def indirect_question(d: ExampleChooser, ok: bool) -> str:
    """Put the subject of an indirect question before the auxiliary."""
    verb = d.pick(_STRONG)[2]
    asked = d.pick(_LISTS["asking"])
    subject = f"{d.hero.name} had" if ok else f"had {d.hero.name}"
    slots = {"other": d.person().name, "word": d.pick(_LISTS["question_words"])}
    return _clause(d, "indirect_question", asked=asked, subject=subject, verb=verb, **slots)


def _given(d: ExampleChooser) -> list[str]:
    """Return the parts of a clause: subject, verb, article, adjective, noun, preposition, name, place."""
    verb, other = d.pick(_LISTS["giving"]), d.person().name
    return [d.hero.name, verb, "the", d.thing.adjective, d.thing.word, "to", other, d.pick(PLACES).at]


def order(d: ExampleChooser, ok: bool) -> str:
    """Put the parts of a clause in their order."""
    parts = _given(d)
    if not ok:
        # noun before adjective, article inside, name before preposition, object or subject on the wrong side
        error = d.pick(((3, 5, (1, 0)), (2, 4, (1, 0)), (5, 7, (1, 0)), (1, 5, (1, 2, 3, 0)), (0, 2, (1, 0))))
        start, end, places = error
        parts[start:end] = [parts[start + place] for place in places]
    return " ".join(parts)


def slip(d: ExampleChooser, ok: bool) -> str:
    """Use every word once: none is missing, none is doubled."""
    parts = _given(d)
    if not ok:
        place = d.pick((1, 2, 2, 5, 5))
        parts[place : place + 1] = [parts[place]] * 2 if d.chance(0.5) else []
    return " ".join(parts)


_CONSTRUCTIONS = (
    *(
        Construction(make, "past")
        for make in (
            number_of_verb, case, a_or_an, form_of_verb, complement, arguments, government, reflexive,
            relative, count, comparison, pair, manner, indirect_question, order, slip,
        )
    ),
    *(Construction(make, "any") for make in (number_of_perfect, time_of_verb)),
    Construction(question, "question"),
)  # fmt: skip


def draw(rng: Random, split: str) -> LabeledExample:
    """Draw a sentence with at most one error."""
    d = ExampleChooser(rng, split)
    ok = d.chance(ACCEPTABLE)
    make, setting = d.pick(_CONSTRUCTIONS)
    clause = make(d, ok)
    if setting == "question":
        return LabeledExample((sentence(clause + f" when {_trip(d)}", "?"),), int(ok))
    if setting == "past" and d.chance(0.4):
        season = d.below(4)
        when = f"{d.pick(WEATHER[season])} {SEASONS[season]} {d.pick(TIMES)}"
        clause = f"{d.phrase(_WORDING['openings'], when=when)}, {clause}"
    elif setting == "past" and d.chance(0.6):
        clause += f", {_past_end(d)}"
    else:
        name, place = d.person().name, d.pick(PLACES)
        clause += f", {d.phrase(_WORDING['ends'], name=name, at=place.at)}"
    return LabeledExample((sentence(clause),), int(ok))


def _trip(d: ExampleChooser) -> str:
    place = d.pick(PLACES)
    return f"{d.person().name} went {place.to} {d.pick(place.reasons)}"


def _past_end(d: ExampleChooser) -> str:
    if d.chance(0.6):
        return f"and {_trip(d)}"
    return d.phrase(_WORDING["past_ends"], name=d.person().name)


ACCEPTABILITY = Dataset(
    "acceptability", "classification", ("unacceptable", "acceptable"), "matthews", "CoLA", draw
)
"""The labels have the order of CoLA."""
