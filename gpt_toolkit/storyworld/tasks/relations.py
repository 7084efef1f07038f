"""Relations between two people, two things or two places, each in words that name the one or the other first.

``{x}`` and ``{y}`` are the two between which the relation stands; exchanged, they make another meaning of the
same words. ``{t}`` is a thing and ``{p}`` a person of whom the relation is told.
"""

from typing import NamedTuple


class Relation(NamedTuple):
    """A relation: between what, the clauses in which ``{x}`` comes first, and those in which ``{y}`` does."""

    of: str  # "people", "things" or "places"
    forward: tuple[str, ...]
    backward: tuple[str, ...]


RELATIONS = (
    Relation(
        "people",
        (
            "{x} gave {t} to {y}",
            "{x} let {y} have {t}",
            "{x} made {y} a present of {t}",
            "it was {x} who gave {y} {t}",
        ),
        (
            "{y} received {t} from {x}",
            "{y} was given {t} by {x}",
            "{y} got {t} from {x} as a gift",
            "it was {y} to whom {x} gave {t}",
        ),
    ),
    Relation(
        "people",
        (
            "{x} sold {t} to {y}",
            "{x} took money from {y} for {t}",
            "it was {x} who sold {y} {t}",
        ),
        (
            "{y} bought {t} from {x}",
            "{y} paid {x} for {t}",
            "it was {y} who bought {t} from {x}",
        ),
    ),
    Relation(
        "people",
        (
            "{x} lent {t} to {y}",
            "{x} let {y} use {t} for a while",
            "{x} was the one who lent {y} {t}",
        ),
        (
            "{y} borrowed {t} from {x}",
            "{y} was lent {t} by {x}",
            "{y} was the one who borrowed {t} from {x}",
        ),
    ),
    Relation(
        "people",
        (
            "{x} lost {t} to {y}, a thief",
            "{x} was robbed of {t} by {y}",
            "it was {x} from whom {y} stole {t}",
        ),
        (
            "{y} stole {t} from {x}",
            "{y} robbed {x} of {t}",
            "it was {y} who stole {t} from {x}",
        ),
    ),
    Relation(
        "people",
        (
            "{x} taught {y} how to mend {t}",
            "{x} showed {y} how one mends {t}",
            "{x} was the teacher of {y} in mending {t}",
        ),
        (
            "{y} learned from {x} how to mend {t}",
            "{y} was taught by {x} how to mend {t}",
            "{y} was shown by {x} how one mends {t}",
        ),
    ),
    Relation(
        "people",
        (
            "{x} found {t} where {y} had hidden it",
            "it was {x} who found {t} after {y} had hidden it",
        ),
        (
            "{y} hid {t}, and {x} found it",
            "it was {y} who hid {t} before {x} found it",
        ),
    ),
    Relation(
        "people",
        (
            "{x} blamed {y} for the loss of {t}",
            "{x} said that the loss of {t} was the fault of {y}",
        ),
        (
            "{y} was blamed by {x} for the loss of {t}",
            "{y} was to blame for the loss of {t}, said {x}",
        ),
    ),
    Relation(
        "people",
        (
            "{x} beat {y} in the race for {t}",
            "{x} won the race for {t} against {y}",
            "{x} was faster than {y} in the race for {t}",
        ),
        (
            "{y} lost the race for {t} to {x}",
            "{y} was beaten by {x} in the race for {t}",
            "{y} was slower than {x} in the race for {t}",
        ),
    ),
    Relation(
        "people",
        (
            "{x} told {y} about {t}",
            "it was {x} who told {y} about {t}",
            "{x} brought {y} the news of {t}",
        ),
        (
            "{y} heard about {t} from {x}",
            "it was {y} who heard about {t} from {x}",
            "{y} got the news of {t} from {x}",
        ),
    ),
    Relation(
        "people",
        (
            "{x} saw {t} before {y} did",
            "{x} saw {t} earlier than {y}",
            "{x} was the first to see {t}, and {y} was the second",
        ),
        (
            "{y} saw {t} after {x} did",
            "{y} saw {t} later than {x}",
            "{y} was the second to see {t}, after {x}",
        ),
    ),
    Relation(
        "things",
        (
            "{p} swapped {x} for {y}",
            "{p} gave {x} away to get {y}",
            "{p} traded {x} for {y}",
        ),
        (
            "{p} got {y} in exchange for {x}",
            "{p} received {y} in return for {x}",
            "{p} obtained {y} by giving up {x}",
        ),
    ),
    Relation(
        "things",
        (
            "{p} preferred {x} to {y}",
            "{p} liked {x} better than {y}",
            "{p} would choose {x} rather than {y}",
        ),
        (
            "{p} liked {y} less than {x}",
            "{p} thought {y} not as nice as {x}",
            "{p} cared less for {y} than for {x}",
        ),
    ),
    Relation(
        "things",
        (
            "{p} paid more for {x} than for {y}",
            "{p} thought {x} dearer than {y}",
        ),
        (
            "{p} paid less for {y} than for {x}",
            "{p} thought {y} cheaper than {x}",
        ),
    ),
    Relation(
        "things",
        (
            "{p} painted {x} before {y}",
            "{p} painted first {x} and then {y}",
        ),
        (
            "{p} painted {y} after {x}",
            "{p} painted {y} only when {x} was finished",
        ),
    ),
    Relation(
        "places",
        (
            "{p} carried {t} from {x} to {y}",
            "{p} left {x} with {t} and came to {y}",
            "{p} set out from {x} and brought {t} to {y}",
        ),
        (
            "{p} brought {t} to {y} from {x}",
            "{p} came to {y} from {x} with {t}",
            "{p} reached {y} with {t} from {x}",
        ),
    ),
    Relation(
        "places",
        (
            "{p} searched first {x} and then {y} for {t}",
            "{p} searched {x} for {t} before searching {y}",
        ),
        (
            "{p} searched {y} for {t} after searching {x}",
            "{p} searched {y} for {t}, having searched {x}",
        ),
    ),
)

PASSINGS = RELATIONS[:4]
"""Gift, sale, loan and theft: told in like words, and each another way for a thing to pass to somebody."""

# whether the deed was done; "{t}" and both people stay as they are
DONE = (
    "{x} gave {t} to {y}",
    "{x} remembered to give {t} to {y}",
    "{x} did not forget to give {t} to {y}",
    "{x} did not fail to give {t} to {y}",
    "{y} was not left without {t}, for {x} gave it to {b}",
)
LEFT_UNDONE = (
    "{x} did not give {t} to {y}",
    "{x} forgot to give {t} to {y}",
    "{x} failed to give {t} to {y}",
    "{x} did not remember to give {t} to {y}",
    "{y} was left without {t}, for {x} did not give it to {b}",
)

TIMES = (
    ("at sunrise", "at daybreak"),
    ("in the morning", "before noon"),
    ("at noon", "at midday"),
    ("in the evening", "at nightfall"),
    ("at night", "after dark"),
    ("on Monday", "on the day after Sunday"),
    ("on Sunday", "on the day of rest"),
    ("on the first day of May", "on May Day"),
)
"""Times, each in two ways."""
