"""Reports in the manner of a small newspaper, followed by ``TL;DR:`` and a summary (GPT-2 §3.6)."""

from random import Random

from gpt_toolkit.storyworld.documents.about import headline, summary
from gpt_toolkit.storyworld.documents.accounts import Account
from gpt_toolkit.storyworld.documents.gist import gist
from gpt_toolkit.storyworld.documents.letters import DAYS, weather_slots
from gpt_toolkit.storyworld.documents.lore import draw_facts, nouns_of, state_fact
from gpt_toolkit.storyworld.lexicon import phrases
from gpt_toolkit.storyworld.places import PLACES
from gpt_toolkit.storyworld.plots import simulate
from gpt_toolkit.storyworld.world import FAMILIES

_LEADS = phrases(
    """
    This happened on {a_weather} {time} this {season}.; On {day}, {a_weather} {season} {time} brought more
    than the usual news.; Our reporter has looked into the events of {day}.; {day} was {a_weather} {season}
    day, and people are still talking about it.; What happened on {day} is now known in full.; The talk of the
    valley this {season} is what happened on {a_weather} {time}.; From our reporter.
    """
)
_ENDS = phrases(
    """
    All is well again, as far as we know.; We will report if there is more news.; The neighbors were
    relieved.; Our reporter saw many smiling faces.; So ended {a_weather} {season} {time}.; The valley can
    sleep in peace again.; Readers who saw it are asked to write to us.; There is nothing else to report for
    {day}.
    """
)
_BACKGROUND = phrases(
    """
    For those who are new here:; Our readers may like to know this as well.; For the record:; Some background:
    """
)
_MARKS = (
    "\n\nTL;DR: ",
    "\n\nTL;DR: ",
    "\n\nTL;DR: ",
    "\nTL;DR: ",
    "\n\nTL;DR:\n",
    "\n\nTL;DR - ",
    "\n\ntl;dr: ",
)
_HOME_TOPICS = {place: len(FAMILIES) + index for index, place in enumerate(PLACES)}


def report(rng: Random, split: str) -> tuple[str, str]:
    """An article about what happened, and its summary in one or two sentences.

    Args:
        rng: Source of all that is left to chance.
        split: "train", "validation" or "test"; what is reported is a story of this split.
    """

    def pick(options: tuple[str, ...]) -> str:
        return options[int(rng.random() * len(options))]

    state = simulate(rng, split)
    essence = gist(state)
    slots = {**weather_slots(state), "day": pick(DAYS)}
    told = [sentence for _, sentence in Account(state, rng).told()]
    parts = []
    if rng.random() < 0.7:
        title = headline(essence, rng)
        parts.append(title.upper() if rng.random() < 0.3 else title)
    half = 5 + int(rng.random() * 3)
    parts.append(" ".join([pick(_LEADS).format_map(slots), *told[:half]]))
    if told[half:]:
        parts.append(" ".join(told[half:]))
    if rng.random() < 0.85:
        # about the hero's family, or about the place where it happened
        topic = _HOME_TOPICS.get(essence.place) if rng.random() < 0.5 else state.hero.family
        facts = draw_facts(rng, split, nouns_of(state), 2 + int(rng.random() * 3), topic=topic)
        if facts:
            parts.append(" ".join([pick(_BACKGROUND), *(state_fact(rng, fact) for fact in facts)]))
    if rng.random() < 0.6:
        parts.append(pick(_ENDS).format_map(slots))
    return "\n\n".join(parts), summary(essence, rng)


def with_summary(rng: Random, split: str) -> str:
    """A report and its summary as one text."""
    article, short = report(rng, split)
    return article + _MARKS[int(rng.random() * len(_MARKS))] + short
