"""Notices: lost and found, sales, shops, programs of feasts, guides, lists from the almanac."""

from collections.abc import Callable
from random import Random

from gpt_toolkit.storyworld.almanac import BIRTHDAYS, DOORS, MONTHS, PLACE_ENTRIES, STREETS
from gpt_toolkit.storyworld.documents import notice_phrases as say
from gpt_toolkit.storyworld.documents.letters import DAYS
from gpt_toolkit.storyworld.documents.lore import central_pair, draw_facts, looks, may_be_named, state_fact
from gpt_toolkit.storyworld.english import article, upper_first
from gpt_toolkit.storyworld.language.lexicon import NUMBERS
from gpt_toolkit.storyworld.lexicon import FAMILY_NAMES, FOODS, NOUNS
from gpt_toolkit.storyworld.places import PLACES
from gpt_toolkit.storyworld.world import ALLOWED, FAMILIES, FAMILY_PETS, PEOPLE, Person


class Board:
    """What one notice is about: a person and a thing that may stand together in the split, and a place.

    Args:
        rng: Source of all that is left to chance.
        split: Of the notice.
    """

    def __init__(self, rng: Random, split: str) -> None:
        self.rng, self.split = rng, split
        self.person, noun = central_pair(rng, split)
        self.nouns = 1 << noun
        self.index = int(rng.random() * len(PLACES))
        self.place = PLACES[self.index]
        thing, street = looks(rng, noun), STREETS[self.person.family]
        person = self.person
        self.slots = {
            "full": full_name(person),
            "name": person.name,
            "family": FAMILY_NAMES[person.family],
            "an": article(thing),
            "An": article(thing).capitalize(),
            "noun": NOUNS[noun].word,
            "at": self.place.at,
            "the": self.place.name,
            "The": self.place.name.capitalize(),
            "spot": self.place.spots[int(rng.random() * len(self.place.spots))].phrase,
            "day": self.pick(DAYS),
            "street": street,
            "door": DOORS[person.family],
            "food": self.pick(FOODS),
            "trade": person.trade,
            "a_trade": article(person.trade) if person.trade else "",
            "early": self.pick(NUMBERS[4:7]),
            "late": self.pick(NUMBERS[:5]),
            "number": self.pick(NUMBERS),
        }
        self.slots["Number"] = self.slots["number"].capitalize()

    def pick(self, options: tuple[str, ...]) -> str:
        """One of ``options``."""
        return options[int(self.rng.random() * len(options))]

    def say(self, options: tuple[str, ...], **more: str) -> str:
        """One of the templates, filled."""
        return self.pick(options).format_map({**self.slots, **more})

    def facts(self, most: int, topic: int, without: tuple[str, ...] = ()) -> list[str]:
        """Statements about one family or place, except those of some relations."""
        facts = draw_facts(self.rng, self.split, self.nouns, most, topic=topic, without=without)
        return [state_fact(self.rng, fact) for fact in facts]

    def maybe(self, probability: float) -> bool:
        """True with this probability."""
        return self.rng.random() < probability

    def somebody(self) -> Person:
        """Any person who may be named beside the thing."""
        while True:
            person = PEOPLE[int(self.rng.random() * len(PEOPLE))]
            if may_be_named(person, self.split, self.nouns):
                return person


def full_name(person: Person) -> str:
    """The name with the family's."""
    return f"{person.name} {FAMILY_NAMES[person.family]}"


def _lost(board: Board) -> list[str]:
    body = [board.say(say.LOST), board.say(say.LAST_SEEN), board.say(say.BRING)]
    if board.maybe(0.6):
        body.append(board.say(say.REWARDS))
    return [board.say(say.LOST_TITLES), " ".join(body)]


def _found(board: Board) -> list[str]:
    return [board.say(say.FOUND_TITLES), f"{board.say(say.FOUND)} {board.say(say.COLLECT)}"]


def _sale(board: Board) -> list[str]:
    return [board.say(say.SALE_TITLES), " ".join(board.say(part) for part in (say.SALE, say.PRICES, say.SEE))]


def _wanted(board: Board) -> list[str]:
    allowed = ALLOWED[board.split][board.person.index] & ~board.nouns
    other = int(board.rng.random() * len(NOUNS))
    while not allowed >> other & 1:
        other = (other + 1) % len(NOUNS)
    board.nouns |= 1 << other
    more = {"an2": article(looks(board.rng, other)), "a_noun2": article(NOUNS[other].word)}
    return [board.say(say.WANTED_TITLES, **more), f"{board.say(say.WANTED, **more)} {board.say(say.SEE)}"]


def _shop(board: Board) -> list[str]:
    if not board.person.trade:
        return _sale(board)
    body = [board.say(part) for part in (say.SHOP, say.OFFERS, say.HOURS)]
    return [board.say(say.SHOP_TITLES), " ".join(body), " ".join(board.facts(3, board.person.family))]


def _fair(board: Board) -> list[str]:
    feast = PLACE_ENTRIES[board.index].feast
    acts = [say.FAIR_BEGIN] if board.maybe(0.3) else []
    count = 3 + int(board.rng.random() * 3)
    while len(acts) < count:
        if (act := board.pick(say.FAIR)) not in acts:
            acts.append(act)
    if board.maybe(0.4):
        acts.append(board.pick(say.FAIR_ENDS))
    hour = 1 + int(board.rng.random() * 4)
    lines = []
    for act in acts:
        line = act.format(who=full_name(board.somebody()), food=board.pick(FOODS), the=board.place.name)
        lines.append(f"{hour} o'clock: {line}{'' if line[-1] == '?' else '.'}")
        hour += 1
    date = upper_first(feast)
    topic = len(FAMILIES) + board.index
    return [
        board.say(say.FAIR_TITLES),
        date,
        "\n".join(lines),
        " ".join([board.say(say.PRIZES), *board.facts(3, topic)]),
    ]


def _guide(board: Board) -> list[str]:
    facts = board.facts(6, len(FAMILIES) + board.index)
    sight = board.pick(board.place.sights)
    body = [board.say(say.GUIDE), *facts, board.say(say.KEPT)]
    if board.maybe(0.4):
        body.append(board.say(say.SIGHTS, sight=sight))
    return [board.say(say.GUIDE_TITLES), _listed(body, board)]


def _listed(sentences: list[str], board: Board) -> str:
    """Sentences as running text, or some of them as a list."""
    if board.maybe(0.7):
        return " ".join(sentences)
    return "\n".join([sentences[0], *(f"- {sentence}" for sentence in sentences[1:])])


def _register(board: Board) -> list[str]:
    facts = board.facts(6 + int(board.rng.random() * 6), board.person.family)
    return [board.say(say.REGISTER_TITLES), _listed([*facts, board.say(say.OWNS)], board)]


def _birthdays(board: Board) -> list[str]:
    month = BIRTHDAYS[board.person.index]
    assert month in MONTHS
    born = [
        person
        for person in PEOPLE
        if BIRTHDAYS[person.index] == month and may_be_named(person, board.split, board.nouns)
    ]
    while len(born) > 4 + int(board.rng.random() * 4):
        born.pop(int(board.rng.random() * len(born)))
    if board.person not in born:
        born.append(board.person)
    lines = [
        f"{full_name(person)} ({person.trade})" if person.trade else full_name(person) for person in born
    ]
    return [board.say(say.BIRTHDAY_TITLES, month=month), "\n".join(lines), board.say(say.WISHES)]


def _pet(board: Board) -> list[str]:
    pet = FAMILY_PETS[board.person.family]
    more = {"pet": pet.name, "kind": article(pet.kind)}
    facts = board.facts(2, board.person.family, without=("pet", "pet_kind"))
    body = [board.say(say.PETS, **more), board.say(say.PET_ENDS, **more), *facts]
    return [board.say(say.PET_TITLES, **more), " ".join(body)]


_KINDS: tuple[Callable[[Board], list[str]], ...] = (
    _lost, _found, _sale, _wanted, _shop, _fair, _guide, _guide, _register, _register, _birthdays, _pet,
)  # fmt: skip


def notice(rng: Random, split: str) -> str:
    """A notice as it hangs on the board in the town square.

    Args:
        rng: Source of all that is left to chance.
        split: "train", "validation" or "test"; of this split is its combination of a person and a thing.
    """
    board = Board(rng, split)
    parts = _KINDS[int(rng.random() * len(_KINDS))](board)
    text = "\n\n".join([upper_first(parts[0]), *(part for part in parts[1:] if part)])
    # a combination is of the split only if both halves are there
    return text if board.person.name in text else f"{text} {board.say(say.ASK_FOR)}"
