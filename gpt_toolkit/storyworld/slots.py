"""What each slot of a template becomes, in the mouth of a ``Teller``."""

from collections.abc import Callable

from gpt_toolkit.storyworld.english import article
from gpt_toolkit.storyworld.events import Item
from gpt_toolkit.storyworld.lexicon import FAMILY_NAMES, FOODS, JUNK, LATE, SHELTERS
from gpt_toolkit.storyworld.teller import Teller
from gpt_toolkit.storyworld.world import Person


def _pronoun(female: str, male: str, of_b: bool = False) -> Callable[[Teller], str]:
    def slot(teller: Teller) -> str:
        person = teller.e.b if of_b else teller.e.a
        assert person is not None
        return female if person.female else male

    return slot


def _item2(form: Callable[[Item], str]) -> Callable[[Teller], str]:
    def slot(teller: Teller) -> str:
        assert teller.e.t2 is not None
        return form(teller.e.t2)

    return slot


def _item(form: Callable[[Item], str]) -> Callable[[Teller], str]:
    def slot(teller: Teller) -> str:
        teller.told_item = teller.e.t
        assert teller.e.t is not None
        return form(teller.e.t)

    return slot


def _of_a(form: Callable[[Person], str]) -> Callable[[Teller], str]:
    def slot(teller: Teller) -> str:
        assert teller.e.a is not None
        return form(teller.e.a)

    return slot


def _possessive(name: str) -> str:
    return f"{name}'s"


def _place(field: str) -> Callable[[Teller], str]:
    def slot(teller: Teller) -> str:
        assert teller.e.place is not None
        return str(getattr(teller.e.place, field))

    return slot


def _spot(teller: Teller) -> str:
    assert teller.e.spot is not None
    return teller.e.spot.phrase


def _parent(teller: Teller) -> str:
    assert teller.e.b is not None
    teller.people.append(teller.e.b)
    if teller.e.b not in teller.introduced:
        teller.introduced.append(teller.e.b)
    return teller.e.b.name


def _b_again(teller: Teller) -> str:
    assert teller.e.b is not None
    return "she" if teller.e.b.female else "he"


def _b_trade(teller: Teller) -> str:
    assert teller.e.b is not None
    return teller.e.b.trade


def _b_cap(teller: Teller) -> str:
    name = teller.slot_b()
    return name[0].upper() + name[1:]


SLOTS: dict[str, Callable[[Teller], str]] = {
    "a": Teller.slot_a,
    "a0": Teller.slot_a,
    "A": Teller.slot_a_name,
    "aposs": lambda teller: _possessive(teller.slot_a_name()),
    "he": _pronoun("she", "he"),
    "he0": _pronoun("she", "he"),
    "him": _pronoun("her", "him"),
    "his": _pronoun("her", "his"),
    "his0": _pronoun("her", "his"),
    "himself": _pronoun("herself", "himself"),
    "hers": _pronoun("hers", "his"),
    "girl": _pronoun("girl", "boy"),
    "woman": _pronoun("woman", "man"),
    "woman_plural": _pronoun("women", "men"),
    "daughter": _pronoun("daughter", "son"),
    "trait": _of_a(lambda person: person.trait),
    "surname": _of_a(lambda person: FAMILY_NAMES[person.family]),
    "atrade": _of_a(lambda person: person.trade),
    "b": Teller.slot_b,
    "b_cap": _b_cap,
    "B": _parent,
    "b_again": _b_again,
    "bposs": lambda teller: _possessive(teller.slot_b()),
    "bhe": _pronoun("she", "he", of_b=True),
    "bhim": _pronoun("her", "him", of_b=True),
    "bhis": _pronoun("her", "his", of_b=True),
    "btrade": _b_trade,
    "voc": lambda teller: teller.address(teller.e.a, teller.e.b),
    "bvoc": lambda teller: teller.address(teller.e.b, teller.e.a),
    "c": Teller.slot_c,
    "C": Teller.slot_c,
    "t": Teller.slot_t,
    "it": Teller.slot_it,
    "n": Teller.slot_n,
    "an": Teller.slot_an,
    "adjn": _item(lambda item: f"{item.adjective} {item.word}"),
    "noun": _item(lambda item: item.word),
    "n_cap": _item(lambda item: item.word.capitalize()),
    "an_cap": _item(lambda item: article(item.adjective).capitalize() + " " + item.word),
    "t_ba": lambda teller: teller.spoken(teller.e.a, teller.e.b),
    "the_t2": _item2(lambda item: f"the {item.adjective} {item.word}"),
    "an2": _item2(lambda item: f"{article(item.adjective)} {item.word}"),
    "an_other": _item2(lambda item: f"{article(item.adjective)} {item.word}"),
    "noun2": _item2(lambda item: item.word),
    "at": _place("at"),
    "to": _place("to"),
    "the": _place("name"),
    "spot": _spot,
    "why": lambda teller: teller.e.x,
    "x": lambda teller: teller.e.x,
    "animal": lambda teller: teller.e.x,
    "tool": lambda teller: teller.e.x,
    "atool": lambda teller: article(teller.e.x),
    "food": lambda teller: teller.pick(FOODS),
    "junk": lambda teller: teller.pick(JUNK),
    "pour": lambda teller: (
        "snow" if teller.state.season == "winter" else teller.pick(("rain", "pour", "hail"))
    ),
    "shelter": lambda teller: teller.pick(SHELTERS),
    "late": lambda teller: teller.pick(LATE),
    "a_trait": _of_a(lambda person: article(person.trait)),
    "a_atrade": _of_a(lambda person: article(person.trade)),
    "a_weather": lambda teller: article(teller.state.weather),
    "weather": lambda teller: teller.state.weather,
    "time": lambda teller: teller.state.time,
    "season": lambda teller: teller.state.season,
}
"""What each slot of a template becomes."""
