"""Acceptability, the counterpart of CoLA: is the form of a sentence correct?

A construction of English makes a clause that is well formed or has one error. Two choices decide most of them
(the auxiliary and the form of the verb, for example): an error is a pair that does not fit. Each choice by
itself is as frequent in good clauses as in bad ones, so single words say nothing about the label. For the
same reason, what is omitted in one clause is doubled in another.
"""

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from gpt_toolkit.storyworld.datasets.example import Dataset, ExampleChooser, LabeledExample
from gpt_toolkit.storyworld.lexicon import SEASONS, TIMES, TRADES, WEATHER, sentence
from gpt_toolkit.storyworld.places import PLACES
from gpt_toolkit.storyworld.wording import load, words

ACCEPTABLE = 0.7
"""Fraction of acceptable sentences (70.4% in CoLA's training data)."""
_WORDING = load("datasets")["acceptability"]
_STRONG, _VERBS, _COUNTED, _GRADED = (
    tuple(map(words, _WORDING[key])) for key in ("strong_verbs", "verbs", "counted", "graded")
)
_PAST_TIMES, _FUTURE_TIMES = _WORDING["past_times"], _WORDING["future_times"]
_WITH_INFINITIVE, _WITH_GERUND = _WORDING["with_infinitive"], _WORDING["with_gerund"]
_GIVING, _GETTING, _PUTTING, _SEEING, _SLEEPING, _GOODS, _MASSES, _VOWEL, _CONSONANT, _MANNERS = (
    words(_WORDING[key])
    for key in (
        "giving", "getting", "putting", "seeing", "sleeping", "goods", "masses", "vowel_adjectives",
        "consonant_adjectives", "manners",
    )
)  # fmt: skip


class Construction(NamedTuple):
    """A construction, and the openings and ends that fit it.

    Attributes:
        make: Function that makes a clause, well formed or not.
        setting: "past" if a past opening or end fits, "any" if only a general end fits, or "question".
    """

    make: Callable[[ExampleChooser, bool], str]
    setting: str


def number_of_verb(d: ExampleChooser, ok: bool) -> str:
    """Make the verb agree with its subject, even with words between them."""
    many = d.chance(0.5)
    verb = "were" if many is ok else "was"
    hero, the = d.hero, d.thing.the
    what = d.pick(("looking for", "proud of", "talking about", "afraid of losing", "busy with"))
    frame = d.below(3)
    if frame == 0:
        who = d.pick(("friend", "neighbor", "cousin", "guest"))
        return f"the {who}{'s' if many else ''} of {hero.name} {verb} {what} {the}"
    if frame == 1:
        good = d.pick(_COUNTED)
        return f"there {verb} {f'three {good[1]}' if many else f'one {good[0]}'} beside {hero.name} and {the}"
    if many:
        return f"{hero.name} and {d.person().name} {verb} {what} {the}"
    return f"{hero.name}, like all {hero.his} neighbors, {verb} {what} {the}"


def number_of_perfect(d: ExampleChooser, ok: bool) -> str:
    """Make "has" or "have" agree with its subject."""
    many = d.chance(0.5)
    verb = "have" if many is ok else "has"
    who = d.pick(("friend", "neighbor", "cousin", "uncle"))
    what = d.pick(("admired", "needed", "looked for", "talked about", "disliked"))
    return f"the {who}{'s' if many else ''} of {d.hero.name} {verb} always {what} {d.thing.the}"


def case(d: ExampleChooser, ok: bool) -> str:
    """Give a pronoun the case of its place."""
    hero, the, other = d.hero.name, d.thing.the, d.person()
    subject = d.chance(0.5)
    it = other.he if subject is ok else other.him
    verb = d.pick(("showed", "gave", "handed", "sold"))
    if subject:
        options = (f"when {other.name} arrived, {it} {verb} {hero} {the}", f"{hero} knew that {it} had {the}")
    else:
        options = (f"when {other.name} arrived, {hero} {verb} {it} {the}", f"{hero} recognized {it} by {the}")
    return d.pick(options) if d.chance(0.3) else options[0]


def a_or_an(d: ExampleChooser, ok: bool) -> str:
    """Choose the indefinite article by the sound that follows."""
    vowel = d.chance(0.5)
    what = f"{d.pick(_VOWEL if vowel else _CONSONANT)} {d.thing.word}"
    verb = d.pick(("bought", "received", "borrowed", "stole"))
    return f"{d.hero.name} {verb} {'an' if vowel is ok else 'a'} {what} from {d.person().name}"


def time_of_verb(d: ExampleChooser, ok: bool) -> str:
    """Make the tense agree with the adverb of time."""
    future = d.chance(0.5)
    base, past, _ = d.pick(_VERBS)
    what = f"{d.hero.name} {f'will {base}' if future else past} {d.thing.the}"
    time = d.pick(_FUTURE_TIMES if future is ok else _PAST_TIMES)
    return f"{time}, {what}" if d.chance(0.5) else f"{what} {time}"


def form_of_verb(d: ExampleChooser, ok: bool) -> str:
    """Use the form of the verb that its auxiliary needs."""
    base, past, participle = d.pick(_STRONG)
    auxiliary, form = ("did not", base) if d.chance(0.5) else ("had", participle)
    helped = d.chance(0.5)
    verb = f"{auxiliary} {form if ok else past}" if helped else past if ok else form
    return f"{d.hero.name} {verb} {d.thing.the}"


def complement(d: ExampleChooser, ok: bool) -> str:
    """Use an infinitive or an -ing form, as the verb needs."""
    base, _, doing = d.pick(_VERBS)
    infinitive = d.chance(0.5)
    verb = d.pick(_WITH_INFINITIVE if infinitive is ok else _WITH_GERUND)
    return f"{d.hero.name} {verb} {f'to {base}' if infinitive else doing} {d.thing.the}"


def arguments(d: ExampleChooser, ok: bool) -> str:
    """Give putting an object and a place, seeing an object, sleeping no object."""
    what, where = f" the {d.pick(_GOODS)}", f" {d.pick(d.pick(PLACES).spots).phrase}"
    kind = d.below(3)
    verb = d.pick((_PUTTING, _SEEING, _SLEEPING)[kind])
    # objects and places are equally frequent in good and bad clauses: each in two of three
    has_object = kind != 2 if ok else kind != 1
    has_place = kind != 1 if ok else kind != 0
    clause = f"{d.hero.name} {verb}{what if has_object else ''}{where if has_place else ''}"
    busy = d.pick(("busy with", "looking for", "away with"))
    return f"{clause} while {d.person().name} was {busy} {d.thing.the}"


def government(d: ExampleChooser, ok: bool) -> str:
    """Use "to" with verbs of giving and "from" with verbs of getting."""
    giving = d.chance(0.5)
    verb = d.pick(_GIVING if giving is ok else _GETTING)
    return f"{d.hero.name} {verb} {d.thing.the} {'to' if giving else 'from'} {d.person().name}"


def reflexive(d: ExampleChooser, ok: bool) -> str:
    """Give a reflexive pronoun the gender of the subject, not of another name."""
    hero, the = d.hero, d.thing.the
    other = d.person(lambda person: person.female is not hero.female)
    self = "herself" if hero.female is ok else "himself"
    return d.pick(
        (
            f"{hero.name} asked {self} where {other.name} had seen {the}",
            f"{hero.name}, whom {other.name} trusted, blamed {self} for losing {the}",
            f"{hero.name}, who had met {other.name}, scolded {self} because of {the}",
            f"{hero.name} promised {self} to give {the} to {other.name}",
        )
    )


def relative(d: ExampleChooser, ok: bool) -> str:
    """Use "who" for people and "which" for things."""
    person = d.chance(0.5)
    pronoun = "who" if person is ok else "which"
    verb = d.pick(("found", "mended", "sold", "mentioned"))
    if person:
        feeling = d.pick(("thanked", "trusted", "liked"))
        return f"{d.hero.name} {feeling} the {d.pick(TRADES)} {pronoun} had {verb} {d.thing.the}"
    feeling = d.pick(("liked", "wanted", "needed"))
    return f"{d.hero.name} {feeling} {d.thing.the} {pronoun} the {d.pick(TRADES)} had {verb}"


def count(d: ExampleChooser, ok: bool) -> str:
    """Use numbers and "many" with plurals, "much" with nouns that cannot be counted."""
    many = d.chance(0.5)
    right = many is ok
    if d.chance(0.5):
        number = d.pick(("three", "two", "several") if right else ("one", "a single"))
        one, more = d.pick(_COUNTED)
        what = f"{number} {more if many else one}"
    else:
        what = f"{'so many' if right else 'so much'} {d.pick(_COUNTED)[1] if many else d.pick(_MASSES)}"
    return f"{d.hero.name} gave {d.person().name} {what} for {d.thing.the}"


def comparison(d: ExampleChooser, ok: bool) -> str:
    """Use "as" after "as old" and "than" after "older"."""
    equal = d.chance(0.5)
    plain, more = d.pick(_GRADED)
    conjunction = "as" if equal is ok else "than"
    what = f"as {plain}" if equal else more
    return f"{d.thing.the} of {d.hero.name} was {what} {conjunction} that of {d.person().name}"


def pair(d: ExampleChooser, ok: bool) -> str:
    """Use "nor" after "neither" and "or" after "either"."""
    negative = d.chance(0.5)
    second = "nor" if negative is ok else "or"
    first, last = d.shuffled((d.thing.the, d.another_thing().the))
    verb = d.pick(("wanted", "needed", "found", "sold", "praised"))
    return f"{d.hero.name} {verb} {'neither' if negative else 'either'} {first} {second} {last}"


def manner(d: ExampleChooser, ok: bool) -> str:
    """Use an adverb with a verb and an adjective with "was"."""
    how = d.pick(_MANNERS)
    adverb = d.chance(0.5)
    form = (how[:-2] + "ly" if how.endswith("le") else f"{how}ly") if adverb else how
    if adverb is ok:
        past = d.pick(_VERBS)[1]
        return d.pick(
            (f"{d.hero.name} {past} {d.thing.the} {form}", f"{d.hero.name} {form} {past} {d.thing.the}")
        )
    return f"{d.hero.name} was {form} with {d.thing.the}"


def question(d: ExampleChooser, ok: bool) -> str:
    """Put the auxiliary before the subject of a question."""
    base, _, participle = d.pick(_STRONG)
    word = d.pick(("why", "when", "where"))
    auxiliary, form = ("did", base) if d.chance(0.5) else ("had", participle)
    name = d.hero.name
    return f"{word} {f'{auxiliary} {name}' if ok else f'{name} {auxiliary}'} {form} {d.thing.the}"


def indirect_question(d: ExampleChooser, ok: bool) -> str:
    """Put the subject of an indirect question before the auxiliary."""
    participle = d.pick(_STRONG)[2]
    asked = d.pick(("asked", "wondered", "wanted to know", "had no idea"))
    order = f"{d.hero.name} had" if ok else f"had {d.hero.name}"
    return f"{d.person().name} {asked} {d.pick(('why', 'when', 'where'))} {order} {participle} {d.thing.the}"


def _given(d: ExampleChooser) -> list[str]:
    """Return the parts of a clause: subject, verb, article, adjective, noun, preposition, name, place."""
    verb, other = d.pick(_GIVING), d.person().name
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
        clause = f"{d.pick(_WORDING['openings']).format(when=when)}, {clause}"
    elif setting == "past" and d.chance(0.6):
        clause += f", {_past_end(d)}"
    else:
        name, place = d.person().name, d.pick(PLACES)
        clause += f", {d.pick(_WORDING['ends']).format(name=name, at=place.at)}"
    return LabeledExample((sentence(clause),), int(ok))


def _trip(d: ExampleChooser) -> str:
    place = d.pick(PLACES)
    return f"{d.person().name} went {place.to} {d.pick(place.reasons)}"


def _past_end(d: ExampleChooser) -> str:
    if d.chance(0.6):
        return f"and {_trip(d)}"
    name = d.person().name
    return str(d.pick(_WORDING["past_ends"]).format(name=name))


ACCEPTABILITY = Dataset(
    "acceptability", "classification", ("unacceptable", "acceptable"), "matthews", "CoLA", draw
)
"""The labels have the order of CoLA."""
