"""Constructions of English, each with the fault that breaks it.

A construction makes a clause, well formed if ``ok`` and otherwise with one fault. Two choices decide most of
them (which auxiliary, and which form of the verb, say): a fault is a pair that does not fit, and each choice
by itself is as frequent in good clauses as in bad ones, so the words alone tell nothing. What is left out in
one clause is doubled in another for the same reason.
"""

from collections.abc import Callable
from typing import NamedTuple

from gpt_toolkit.storyworld.lexicon import TRADES, phrases, words
from gpt_toolkit.storyworld.places import PLACES
from gpt_toolkit.storyworld.tasks.draw import Draw

STRONG = tuple(
    tuple(verb.split())
    for verb in phrases(
        """
        take took taken; hide hid hidden; steal stole stolen; draw drew drawn; choose chose chosen; forget
        forgot forgotten; shake shook shaken; break broke broken; see saw seen; show showed shown
        """
    )
)
"""Verbs whose base, past and participle differ."""
VERBS = tuple(
    tuple(verb.split())
    for verb in phrases(
        """
        polish polished polishing; admire admired admiring; carry carried carrying; clean cleaned cleaning;
        mend mended mending; describe described describing; wrap wrapped wrapping; paint painted painting;
        move moved moving; borrow borrowed borrowing; praise praised praising; use used using
        """
    )
)
"""Base, past and -ing form."""
PAST_TIMES = phrases("yesterday; last week; the other day; a year ago; last winter; a few days ago")
FUTURE_TIMES = phrases("tomorrow; next week; one of these days; a year from now; next winter; in a few days")
WANTING = phrases("wanted; hoped; decided; refused; promised; agreed; was about; was ready")
ENJOYING = phrases("enjoyed; avoided; kept; finished; gave up; was tired of; dreamed of; insisted on")
GIVING = words("gave sold handed lent showed")
GETTING = words("bought borrowed stole received")
PUTTING = words("put placed laid stowed")
SEEING = words("admired owned needed praised wanted")
SLEEPING = words("slept waited dozed sneezed stood")
GOODS = words("basket broom bucket lantern blanket candle barrel ladder")
COUNTED = tuple(
    tuple(pair.split())
    for pair in phrases("apple apples; egg eggs; pear pears; candle candles; nail nails; basket baskets")
)
MASSES = words("flour honey milk bread butter cheese")
VOWEL_ADJECTIVES = words("old ugly odd ordinary expensive elegant unusual impressive")
CONSONANT_ADJECTIVES = words("new strange pretty cheap heavy fine beautiful valuable")
GRADED = tuple(
    tuple(pair.split())
    for pair in phrases("heavy heavier; old older; big bigger; clean cleaner; rare rarer; light lighter")
)
MANNERS = words("careful gentle proud careless patient")


class Construction(NamedTuple):
    """How to make a clause, and which openings and ends fit it.

    Attributes:
        make: Makes the clause, well formed or not.
        setting: "past" where what surrounds it is told in the past, "any" where it is not, or "question".
    """

    make: Callable[[Draw, bool], str]
    setting: str


def number_of_verb(d: Draw, ok: bool) -> str:
    """Subject and verb agree, whatever stands between them."""
    many = d.chance(0.5)
    verb = "were" if many is ok else "was"
    hero, the = d.hero, d.thing.the
    what = d.pick(("looking for", "proud of", "talking about", "afraid of losing", "busy with"))
    frame = d.below(3)
    if frame == 0:
        who = d.pick(("friend", "neighbor", "cousin", "guest"))
        return f"the {who}{'s' if many else ''} of {hero.name} {verb} {what} {the}"
    if frame == 1:
        good = d.pick(COUNTED)
        return f"there {verb} {f'three {good[1]}' if many else f'one {good[0]}'} beside {hero.name} and {the}"
    if many:
        return f"{hero.name} and {d.person().name} {verb} {what} {the}"
    return f"{hero.name}, like all {'her' if hero.female else 'his'} neighbors, {verb} {what} {the}"


def number_of_perfect(d: Draw, ok: bool) -> str:
    """The same with "has" and "have"."""
    many = d.chance(0.5)
    verb = "have" if many is ok else "has"
    who = d.pick(("friend", "neighbor", "cousin", "uncle"))
    what = d.pick(("admired", "needed", "looked for", "talked about", "disliked"))
    return f"the {who}{'s' if many else ''} of {d.hero.name} {verb} always {what} {d.thing.the}"


def case(d: Draw, ok: bool) -> str:
    """A pronoun has the form of its place."""
    hero, the, other = d.hero.name, d.thing.the, d.person()
    subject = d.chance(0.5)
    nominative, accusative = ("she", "her") if other.female else ("he", "him")
    it = nominative if subject is ok else accusative
    verb = d.pick(("showed", "gave", "handed", "sold"))
    if subject:
        options = (f"when {other.name} arrived, {it} {verb} {hero} {the}", f"{hero} knew that {it} had {the}")
    else:
        options = (f"when {other.name} arrived, {hero} {verb} {it} {the}", f"{hero} recognized {it} by {the}")
    return d.pick(options) if d.chance(0.3) else options[0]


def a_or_an(d: Draw, ok: bool) -> str:
    """The indefinite article goes by the sound that follows."""
    vowel = d.chance(0.5)
    what = f"{d.pick(VOWEL_ADJECTIVES if vowel else CONSONANT_ADJECTIVES)} {d.thing.word}"
    verb = d.pick(("bought", "received", "borrowed", "stole"))
    return f"{d.hero.name} {verb} {'an' if vowel is ok else 'a'} {what} from {d.person().name}"


def time_of_verb(d: Draw, ok: bool) -> str:
    """Tense and adverb of time agree."""
    future = d.chance(0.5)
    base, past, _ = d.pick(VERBS)
    what = f"{d.hero.name} {f'will {base}' if future else past} {d.thing.the}"
    time = d.pick(FUTURE_TIMES if future is ok else PAST_TIMES)
    return f"{time}, {what}" if d.chance(0.5) else f"{what} {time}"


def form_of_verb(d: Draw, ok: bool) -> str:
    """An auxiliary takes its own form of the verb, and no other verb takes that form."""
    base, past, participle = d.pick(STRONG)
    auxiliary, form = ("did not", base) if d.chance(0.5) else ("had", participle)
    helped = d.chance(0.5)
    verb = f"{auxiliary} {form if ok else past}" if helped else past if ok else form
    return f"{d.hero.name} {verb} {d.thing.the}"


def complement(d: Draw, ok: bool) -> str:
    """Some verbs take an infinitive, others an -ing form."""
    base, _, doing = d.pick(VERBS)
    infinitive = d.chance(0.5)
    verb = d.pick(WANTING if infinitive is ok else ENJOYING)
    return f"{d.hero.name} {verb} {f'to {base}' if infinitive else doing} {d.thing.the}"


def arguments(d: Draw, ok: bool) -> str:
    """Putting needs an object and a place, seeing an object, sleeping takes no object."""
    what, where = f" the {d.pick(GOODS)}", f" {d.pick(d.pick(PLACES).spots).phrase}"
    kind = d.below(3)
    verb = d.pick((PUTTING, SEEING, SLEEPING)[kind])
    # objects and places are equally frequent in good and bad clauses: each in two of three
    has_object = kind != 2 if ok else kind != 1
    has_place = kind != 1 if ok else kind != 0
    clause = f"{d.hero.name} {verb}{what if has_object else ''}{where if has_place else ''}"
    busy = d.pick(("busy with", "looking for", "away with"))
    return f"{clause} while {d.person().name} was {busy} {d.thing.the}"


def government(d: Draw, ok: bool) -> str:
    """One gives to somebody and buys from somebody."""
    giving = d.chance(0.5)
    verb = d.pick(GIVING if giving is ok else GETTING)
    return f"{d.hero.name} {verb} {d.thing.the} {'to' if giving else 'from'} {d.person().name}"


def reflexive(d: Draw, ok: bool) -> str:
    """A reflexive pronoun has the gender of the subject, not of a name nearby."""
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


def relative(d: Draw, ok: bool) -> str:
    """Who is for people, which for things."""
    person = d.chance(0.5)
    pronoun = "who" if person is ok else "which"
    verb = d.pick(("found", "mended", "sold", "mentioned"))
    if person:
        feeling = d.pick(("thanked", "trusted", "liked"))
        return f"{d.hero.name} {feeling} the {d.pick(TRADES)} {pronoun} had {verb} {d.thing.the}"
    feeling = d.pick(("liked", "wanted", "needed"))
    return f"{d.hero.name} {feeling} {d.thing.the} {pronoun} the {d.pick(TRADES)} had {verb}"


def count(d: Draw, ok: bool) -> str:
    """Numbers go with the form of the noun; many goods can be counted, much of a good cannot."""
    many = d.chance(0.5)
    right = many is ok
    if d.chance(0.5):
        number = d.pick(("three", "two", "several") if right else ("one", "a single"))
        one, more = d.pick(COUNTED)
        what = f"{number} {more if many else one}"
    else:
        what = f"{'so many' if right else 'so much'} {d.pick(COUNTED)[1] if many else d.pick(MASSES)}"
    return f"{d.hero.name} gave {d.person().name} {what} for {d.thing.the}"


def comparison(d: Draw, ok: bool) -> str:
    """As old as, but older than."""
    equal = d.chance(0.5)
    plain, more = d.pick(GRADED)
    conjunction = "as" if equal is ok else "than"
    what = f"as {plain}" if equal else more
    return f"{d.thing.the} of {d.hero.name} was {what} {conjunction} that of {d.person().name}"


def pair(d: Draw, ok: bool) -> str:
    """Neither goes with nor, either with or."""
    negative = d.chance(0.5)
    second = "nor" if negative is ok else "or"
    first, last = d.shuffled((d.thing.the, d.another().the))
    verb = d.pick(("wanted", "needed", "found", "sold", "praised"))
    return f"{d.hero.name} {verb} {'neither' if negative else 'either'} {first} {second} {last}"


def manner(d: Draw, ok: bool) -> str:
    """An adverb goes with a verb, an adjective with a noun or "was"."""
    how = d.pick(MANNERS)
    adverb = d.chance(0.5)
    form = (how[:-2] + "ly" if how.endswith("le") else f"{how}ly") if adverb else how
    if adverb is ok:
        past = d.pick(VERBS)[1]
        return d.pick(
            (f"{d.hero.name} {past} {d.thing.the} {form}", f"{d.hero.name} {form} {past} {d.thing.the}")
        )
    return f"{d.hero.name} was {form} with {d.thing.the}"


def question(d: Draw, ok: bool) -> str:
    """The auxiliary stands before the subject of a question."""
    base, _, participle = d.pick(STRONG)
    word = d.pick(("why", "when", "where"))
    auxiliary, form = ("did", base) if d.chance(0.5) else ("had", participle)
    name = d.hero.name
    return f"{word} {f'{auxiliary} {name}' if ok else f'{name} {auxiliary}'} {form} {d.thing.the}"


def indirect_question(d: Draw, ok: bool) -> str:
    """The subject of an indirect question stands before the auxiliary."""
    participle = d.pick(STRONG)[2]
    asked = d.pick(("asked", "wondered", "wanted to know", "had no idea"))
    order = f"{d.hero.name} had" if ok else f"had {d.hero.name}"
    return f"{d.person().name} {asked} {d.pick(('why', 'when', 'where'))} {order} {participle} {d.thing.the}"


def _given(d: Draw) -> list[str]:
    """The parts of a plain clause: subject, verb, article, adjective, noun, preposition, name, place."""
    verb, other = d.pick(GIVING), d.person().name
    return [d.hero.name, verb, "the", d.thing.adjective, d.thing.word, "to", other, d.pick(PLACES).at]


def order(d: Draw, ok: bool) -> str:
    """The parts of a clause stand in their order."""
    parts = _given(d)
    if not ok:
        # noun before adjective, article inside, name before preposition, object or subject on the wrong side
        fault = d.pick(((3, 5, (1, 0)), (2, 4, (1, 0)), (5, 7, (1, 0)), (1, 5, (1, 2, 3, 0)), (0, 2, (1, 0))))
        start, end, places = fault
        parts[start:end] = [parts[start + place] for place in places]
    return " ".join(parts)


def slip(d: Draw, ok: bool) -> str:
    """No word is missing, and none is said twice."""
    parts = _given(d)
    if not ok:
        place = d.pick((1, 2, 2, 5, 5))
        parts[place : place + 1] = [parts[place]] * 2 if d.chance(0.5) else []
    return " ".join(parts)


CONSTRUCTIONS = (
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
