"""How the facts of the valley are asked for and how they are stated, by relation.

Slots: ``{s}`` the subject, ``{S}`` the same at the start of a sentence, ``{full}`` a person's name with the
family's, ``{o}`` the object, ``{O}`` the same at the start of a sentence, ``{a_o}`` the object with its
indefinite article, ``{he} {him} {his}`` pronouns for the subject, ``{at}`` where a place is spoken of as one
is there, ``{family}`` the family's name.
"""

from typing import NamedTuple


class Relation(NamedTuple):
    """The phrasings of one relation."""

    questions: tuple[str, ...]
    statements: tuple[str, ...]


def _parent(word: str) -> Relation:
    return Relation(
        (
            f"Who is {{s}}'s {word}?",
            f"Who is the {word} of {{s}}?",
            f"What is the name of {{s}}'s {word}?",
            f"Who is the {word} of {{full}}?",
            f"What is {{s}}'s {word} called?",
        ),
        (
            f"{{S}}'s {word} is {{o}}.",
            f"{{O}} is the {word} of {{s}}.",
            f"The {word} of {{full}} is called {{o}}.",
            f"{{O}} is {{s}}'s {word}.",
            f"{{S}}'s {word} is called {{o}}.",
        ),
    )


RELATIONS: dict[str, Relation] = {
    **{word: _parent(word) for word in ("mother", "father", "grandmother", "grandfather", "husband", "wife")},
    "trade": Relation(
        (
            "What is {s}'s trade?",
            "What does {s} work as?",
            "What is the trade of {full}?",
            "What does {full} do for a living?",
            "What job does {s} have?",
        ),
        (
            "{S} works as {a_o}.",
            "{full} is {a_o} by trade.",
            "{S} earns {his} living as {a_o}.",
            "The trade of {full} is that of {a_o}.",
            "{S} has always been {a_o}.",
        ),
    ),
    "trait": Relation(
        (
            "What is {s} like?",
            "How do people describe {s}?",
            "What is {full} known to be?",
            "What do the neighbors say {s} is?",
            "Which word describes {full} best?",
        ),
        (
            "Everybody knows that {s} is {o}.",
            "{S} is as {o} as ever.",
            "{full} is said to be {o}.",
            "The neighbors call {s} {o}.",
            "Nobody in the valley is as {o} as {s}.",
        ),
    ),
    "birthday": Relation(
        (
            "In which month is {s}'s birthday?",
            "When does {s} have {his} birthday?",
            "In which month was {full} born?",
            "When was {s} born?",
            "Which month is {s}'s birthday in?",
        ),
        (
            "{S}'s birthday is in {o}.",
            "{S} has {his} birthday in {o}.",
            "{full} was born in {o}.",
            "In {o} it is {s}'s birthday.",
            "{S} was born in {o}.",
        ),
    ),
    "street": Relation(
        (
            "In which street does the {family} family live?",
            "Where does the {family} family live?",
            "Where is the house of the {family} family?",
            "What is the street of the {family} family called?",
            "Which street is the {family} house in?",
        ),
        (
            "The {family} family lives in {o}.",
            "The house of the {family} family is in {o}.",
            "{O} is where the {family} family lives.",
            "One finds the {family} family in {o}.",
            "The {family} family has always lived in {o}.",
        ),
    ),
    "door": Relation(
        (
            "What color is the door of the {family} family?",
            "Which color does the door of the {family} house have?",
            "In which color is the {family} family's door painted?",
            "What is the color of the {family} family's front door?",
            "What color did the {family} family paint its door?",
        ),
        (
            "The door of the {family} family is {o}.",
            "The {family} family has {a_o} door.",
            "The {family} family's door is painted {o}.",
            "The front door of the {family} house is {o}.",
            "One knows the {family} house by its {o} door.",
        ),
    ),
    "pet": Relation(
        (
            "What is the {family} family's animal called?",
            "What is the name of the {family} family's pet?",
            "What does the {family} family call its pet?",
            "What did the {family} family name its pet?",
            "To what name does the {family} family's animal answer?",
        ),
        (
            "The {family} family's animal is called {o}.",
            "{O} belongs to the {family} family.",
            "The name of the {family} family's pet is {o}.",
            "The pet of the {family} family is {o}.",
            "{O} lives with the {family} family.",
        ),
    ),
    "pet_kind": Relation(
        (
            "What kind of animal is {s}?",
            "What is {s}?",
            "Which kind of animal is {s}?",
            "What sort of animal is the {family} family's {s}?",
            "What kind of pet is {s}?",
        ),
        (
            "{S} is {o}.",
            "As everyone knows, {s} is {o}.",
            "The {family} family's {s} is {o}.",
            "{S}, to tell the truth, is only {o}.",
            "{O} is what {s} is.",
        ),
    ),
    "river": Relation(
        (
            "Which river is nearest to {s}?",
            "What is the river near {s} called?",
            "Which river does one see from {s}?",
            "What is the name of the river close to {s}?",
            "Which of the rivers is closest to {s}?",
        ),
        (
            "The river nearest to {s} is the {o}.",
            "From {s} it is a short walk to the river {o}.",
            "The river near {s} is called the {o}.",
            "Close to {s} flows the {o}.",
            "From {s} one sees the river {o}.",
        ),
    ),
    "feast": Relation(
        (
            "When is the feast {at}?",
            "On which day is the feast {at} held?",
            "When do people celebrate {at}?",
            "What is the feast day of {s}?",
            "On what day does the feast {at} take place?",
        ),
        (
            "The feast {at} is held on {o}.",
            "The feast day of {s} is {o}.",
            "On {o} people celebrate {at}.",
            "There is a feast {at} on {o}.",
            "Every year on {o} there is a feast {at}.",
        ),
    ),
    "next": Relation(
        (
            "What comes after {s} on the ring road?",
            "Which place follows {s} on the ring road?",
            "Where does the ring road lead after {s}?",
            "What is the next stop after {s}?",
            "Where does one come to after {s}?",
        ),
        (
            "On the ring road, {s} is followed by {o}.",
            "The ring road leads from {s} to {o}.",
            "After {s} one comes to {o}.",
            "The next stop after {s} is {o}.",
            "{O} comes after {s} on the ring road.",
        ),
    ),
    "keeper": Relation(
        (
            "Who looks after {s}?",
            "Who keeps {s} in order?",
            "Who is the keeper of {s}?",
            "Who takes care of {s}?",
            "Who is in charge {at}?",
        ),
        (
            "{O} looks after {s}.",
            "The keeper of {s} is {o}.",
            "{S} is kept in order by {o}.",
            "{O} takes care of {s}.",
            "It is {o} who is in charge {at}.",
        ),
    ),
    "emblem": Relation(
        (
            "What does the sign {at} show?",
            "What is painted on the sign {at}?",
            "What can be seen on the sign {at}?",
            "What is the emblem of {s}?",
            "Which emblem does {s} have?",
        ),
        (
            "The sign {at} shows {o}.",
            "On the sign {at} one sees {o}.",
            "The emblem of {s} is {o}.",
            "{O} is painted on the sign {at}.",
            "{S} has {o} for an emblem.",
        ),
    ),
    "known_for": Relation(
        (
            "What is {s} known for?",
            "For what is {s} famous?",
            "What makes {s} famous?",
            "What do people like about {s}?",
            "What do visitors praise {s} for?",
        ),
        (
            "{S} is known for {o}.",
            "People like {s} for {o}.",
            "{S} is famous for {o}.",
            "Visitors praise {s} for {o}.",
            "What makes {s} famous is {o}.",
        ),
    ),
}
