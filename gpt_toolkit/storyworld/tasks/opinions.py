"""The words of praise and blame, and what they are said about."""

from typing import NamedTuple

from gpt_toolkit.storyworld.lexicon import phrases, words
from gpt_toolkit.storyworld.places import PLACES


class Subject(NamedTuple):
    """What an opinion is about, and which words of praise and blame fit it."""

    number: int
    the: str
    word: str
    kind: str


_DISHES = phrases(
    """
    plum cake; lentil soup; cherry pie; ginger cake; raspberry pudding; rye loaf; goat cheese; peppermint tea;
    potato pie; mushroom stew; peach tart; oatmeal porridge; pumpkin soup; onion tart; apple cake; fish stew
    """
)
_EVENTS = phrases(
    """
    spring fair; magic show; harvest dance; boat race; brass concert; lantern parade; village wedding; cattle
    market; singing contest; sack race; school play; summer feast
    """
)

SUBJECTS = tuple(
    Subject(number, f"the {name}", name.split()[-1], kind)
    for number, (name, kind) in enumerate(
        (
            *((name, "dish") for name in _DISHES),
            *((name, "event") for name in _EVENTS),
            *((place.name.removeprefix("the "), "place") for place in PLACES),
        )
    )
)
"""What people have opinions about besides things."""

_GOOD, _BAD = (
    words("wonderful glorious delightful excellent marvelous lovely superb magnificent pleasant remarkable"),
    words("dreadful awful terrible miserable horrible disappointing wretched dismal hopeless abominable"),
)
ADJECTIVES = {
    "dish": (
        _GOOD + words("delicious tasty savory mouthwatering"),
        _BAD + words("tasteless burnt sour disgusting"),
    ),
    "event": (
        _GOOD + words("merry thrilling amusing dazzling"),
        _BAD + words("dull tedious tiresome boring"),
    ),
    "place": (_GOOD + words("cozy peaceful inviting charming"), _BAD + words("gloomy filthy dreary ugly")),
    "thing": (_GOOD + words("sturdy handsome flawless charming"), _BAD + words("shoddy flimsy useless ugly")),
}
"""For each kind of subject, what one calls it: in praise, in blame."""
VERBS = (
    words("loved enjoyed praised adored admired liked"),
    words("hated disliked despised detested loathed condemned"),
)
"""What one does: of pleasure, of displeasure."""
RANKS = (words("better finer"), words("worse poorer"))
