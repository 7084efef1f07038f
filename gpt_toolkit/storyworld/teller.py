"""What the narrator remembers: which words stand for whom, given what the reader has just heard."""

from gpt_toolkit.storyworld.english import article
from gpt_toolkit.storyworld.events import Event, Item, State
from gpt_toolkit.storyworld.lexicon import FAMILY_NAMES
from gpt_toolkit.storyworld.world import Person, kinship


class Teller:
    """What was said so far in one story, and from it the words for people and things.

    It remembers whom and what the last sentence was about, so that a pronoun is used only where it can
    mean one person.

    Args:
        state: The story, already happened.
    """

    __slots__ = (
        "chance", "e", "hero", "introduced", "last_item", "last_people", "last_subject", "people", "pick",
        "pronouns", "seen_a", "state", "subject", "told_item",
    )  # fmt: skip

    def __init__(self, state: State) -> None:
        self.state, self.hero = state, state.hero
        self.pick, self.chance = state.pick, state.chance
        self.introduced: list[Person] = []
        self.last_subject: Person | None = None
        self.last_people: list[Person] = []
        self.last_item: Item | None = None
        self.pronouns = 0  # sentences in a row without the name of their subject

    def start(self, event: Event) -> None:
        """Begin a sentence."""
        self.e = event
        self.people: list[Person] = []
        self.subject: Person | None = None
        self.told_item: Item | None = None
        self.seen_a = False

    def finish(self) -> None:
        """End a sentence, and keep what the next one may refer to."""
        self.last_subject, self.last_people, self.last_item = self.subject, self.people, self.told_item

    # people

    def named(self, person: Person) -> str:
        """The name, with an introduction when the reader has not met the person."""
        self.people.append(person)
        if person in self.introduced:
            return person.name
        self.introduced.append(person)
        if person is self.hero:
            return person.name
        hero = self.hero
        word = kinship(hero, person) or ("friend" if person.age == hero.age else "")
        if not word or (word == "friend" and person.trade and self.chance(0.5)):
            return f"{person.name} the {person.trade}"
        if self.e.a is hero and (self.seen_a or self.last_people == [hero]):
            return f"{'her' if hero.female else 'his'} {word} {person.name}"
        self.people.append(hero)
        return f"{hero.name}'s {word} {person.name}"

    def slot_a(self) -> str:
        """The acting person: a pronoun where it is clear, otherwise the name."""
        a = self.e.a
        assert a is not None
        self.seen_a = True
        if self.subject is a:
            return "she" if a.female else "he"
        self.subject = a
        if a is self.last_subject and self.pronouns < 2 and not self.people:
            female = a.female
            for other in self.last_people:
                if other is not a and other.female is female:
                    break
            else:
                if self.chance(0.75):
                    self.pronouns += 1
                    self.people.append(a)
                    return "she" if female else "he"
        self.pronouns = 0
        return self.named(a)

    def slot_a_name(self) -> str:
        """The acting person by name."""
        a = self.e.a
        assert a is not None
        self.seen_a, self.subject, self.pronouns = True, a, 0
        return self.named(a)

    def slot_b(self) -> str:
        """The second person."""
        b = self.e.b
        assert b is not None
        return self.named(b)

    def slot_c(self) -> str:
        """The third person, introduced so that it also fits direct speech."""
        c = self.e.c
        assert c is not None
        self.people.append(c)
        if c in self.introduced:
            return c.name
        self.introduced.append(c)
        return f"{c.name} the {c.trade}" if c.trade else f"{c.name} {FAMILY_NAMES[c.family]}"

    def address(self, speaker: Person | None, listener: Person | None) -> str:
        """How somebody addresses somebody."""
        assert speaker is not None
        assert listener is not None
        word = kinship(speaker, listener)
        if word in ("mother", "father", "grandmother", "grandfather"):
            return word.capitalize()
        return listener.name

    # things

    def slot_t(self) -> str:
        """The thing, as the narrator calls it."""
        item = self.e.t
        assert item is not None
        self.told_item = item
        chance = self.state.random()
        if chance < 0.4:
            return f"the {item.adjective} {item.word}"
        if chance < 0.7:
            return f"the {item.word}"
        owner = self.e.owner
        assert owner is not None
        if owner is not self.e.a:
            if owner in self.people:
                return f"the {item.word}"
            self.people.append(owner)
            return f"{owner.name}'s {item.word}" if owner in self.introduced else f"the {item.word}"
        for other in self.people:
            if other.female is owner.female and other is not owner:
                return f"the {item.word}"
        if not self.seen_a:
            return f"the {item.word}"
        return f"{'her' if owner.female else 'his'} {item.word}"

    def slot_it(self) -> str:
        """The thing, or "it" when the last sentence named it."""
        if self.last_item is self.e.t and self.chance(0.7):
            self.told_item = self.e.t
            return "it"
        return self.slot_t()

    def spoken(self, speaker: Person | None, listener: Person | None) -> str:
        """The thing, as somebody calls it who speaks to somebody."""
        item = self.e.t
        assert item is not None
        self.told_item = item
        if self.e.owner is speaker:
            return f"my {item.word}"
        if self.e.owner is listener:
            return f"your {item.word}"
        return f"the {item.word}"

    def slot_an(self) -> str:
        """The thing with the indefinite article, when it is new."""
        item = self.e.t
        assert item is not None
        self.told_item = item
        return f"{article(item.adjective)} {item.word}"

    def slot_n(self) -> str:
        """The bare noun, sometimes with its adjective."""
        item = self.e.t
        assert item is not None
        self.told_item = item
        return f"{item.adjective} {item.word}" if self.state.random() < 0.4 else item.word
