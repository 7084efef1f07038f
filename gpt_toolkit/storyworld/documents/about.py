"""Headlines, summaries and questions about a story, from its gist."""

from random import Random

from gpt_toolkit.storyworld.documents.gist import Gist
from gpt_toolkit.storyworld.documents.gist_phrases import HEADLINES, QUESTIONS, SUMMARIES
from gpt_toolkit.storyworld.english import article, upper_first
from gpt_toolkit.storyworld.events import Item


def _looks(item: Item) -> str:
    return f"{item.adjective} {item.word}"


def _key(gist: Gist) -> str:
    return "lost_alone" if gist.plot == "lost" and gist.other is None else gist.plot


def _slots(gist: Gist) -> dict[str, str]:
    hero, female = gist.hero, gist.hero.female
    between, wanted = gist.items or (gist.item, gist.item)
    return {
        "h": hero.name,
        "he": "she" if female else "he",
        "him": "her" if female else "him",
        "his": "her" if female else "his",
        "o": gist.other.name if gist.other else "",
        "third": gist.third.name if gist.third else "",
        "n": _looks(gist.item),
        "an": article(_looks(gist.item)),
        "an_cap": article(_looks(gist.item)).capitalize(),
        "noun": gist.item.word,
        "a_noun": article(gist.item.word),
        "noun_cap": gist.item.word.capitalize(),
        "at": gist.place.at,
        "spot": gist.spot.phrase if gist.spot else "",
        "lender": gist.lender.name if gist.lender else "",
        "tool": article(gist.tool) if gist.tool else "",
        "animal": gist.animal,
        "between": article(_looks(between)),
        "between_the": f"the {between.word}",
        "wanted": _looks(wanted),
        "wanted_a": article(_looks(wanted)),
    }


def headline(gist: Gist, rng: Random) -> str:
    """A few words about it, without a full stop."""
    options = HEADLINES[_key(gist)]
    return upper_first(options[int(rng.random() * len(options))].format_map(_slots(gist)))


def summary(gist: Gist, rng: Random) -> str:
    """It in one or two sentences."""
    options = SUMMARIES[_key(gist)]
    return upper_first(options[int(rng.random() * len(options))].format_map(_slots(gist)))


def questions_about(gist: Gist, rng: Random, most: int = 6) -> list[tuple[str, str]]:
    """Questions in the order of the story, each with the answer that the text gives.

    A question may lean on those before it: "she" is the hero, "it" the thing.

    Args:
        gist: What is asked about.
        rng: Source of all that is left to chance.
        most: How many at most; the first, which says whom it is about, is always there.
    """
    slots = _slots(gist)
    asked: list[tuple[str, str]] = []
    entries = QUESTIONS[_key(gist)]
    skipped_place = False
    for number, (phrasings, answer) in enumerate(entries):
        text = answer.format_map(slots)
        exactly = phrasings[0] == "Where exactly?"
        keep = number < 2 or rng.random() < 0.75
        if answer == "{at}":
            skipped_place = not keep
        if not text or not keep or (exactly and skipped_place) or len(asked) == most:
            continue
        if answer == "{lender}" and asked[-1][1] != slots["tool"]:
            continue  # "who lent it" needs the question before it
        phrasing = phrasings[int(rng.random() * len(phrasings))]
        asked.append((phrasing.format_map(slots), text))
    return asked
