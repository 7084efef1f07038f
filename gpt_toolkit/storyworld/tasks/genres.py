"""The kinds of text in which the same news can be told, for entailment: five people, several clauses."""

from collections.abc import Callable, Sequence

from gpt_toolkit.storyworld.english import article
from gpt_toolkit.storyworld.lexicon import SEASONS, TIMES, WEATHER, words
from gpt_toolkit.storyworld.tasks.draw import Draw, sentence

_DAYS = words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")


def _story(d: Draw, clauses: Sequence[str]) -> str:
    season = d.below(4)
    weather, time = d.pick(WEATHER[season]), d.pick(TIMES)
    opening = d.pick(
        (
            f"It was {article(weather)} {SEASONS[season]} {time}.",
            f"One {time} in {SEASONS[season]}, much happened in the valley.",
            f"The {SEASONS[season]} {time} was {weather}.",
        )
    )
    links = ("", "", "On the same day, ", "Meanwhile, ", "As it happened, ")
    return " ".join((opening, *(sentence(d.pick(links) + clause) for clause in clauses)))


def _letter(d: Draw, clauses: Sequence[str]) -> str:
    start = d.pick(("here is the news from the valley", "much has happened here", "you asked me for news"))
    links = ("", "", "You should know that ", "Besides, ", "To tell you the truth, ")
    body = " ".join(sentence(d.pick(links) + clause) for clause in clauses)
    close = d.pick(("Yours", "Many greetings", "With love", "Write soon"))
    return f"Dear {d.person().name}, {start}. {body} {close}, {d.person().name}"


def _notice(d: Draw, clauses: Sequence[str]) -> str:
    head = d.pick(("NOTICE", "TO ALL", "PUBLIC NOTICE", "FROM THE TOWN HALL"))
    made_known = d.pick(("It is made known that", "Everybody shall know that", "It is hereby announced that"))
    close = d.pick(("By order of the council.", "Done at the town hall.", "Please pass it on."))
    first, second, *rest = clauses
    body = " ".join(
        sentence(f"it is also known that {clause}" if d.chance(0.4) else clause) for clause in rest
    )
    return f"{head}. {made_known} {first}, and that {second}. {body} {close}"


def _dialogue(d: Draw, clauses: Sequence[str]) -> str:
    speakers = [d.person().name, d.person().name]
    turns = []
    for turn, clause in enumerate(clauses):
        text = sentence(clause if turn == 0 else d.pick(("", "yes, and ", "and ", "oh, and ")) + clause, "")
        turns.append(f'"{text}," {d.pick(("said", "reported", "declared"))} {speakers[turn % 2]}.')
    return " ".join(turns)


def _diary(d: Draw, clauses: Sequence[str]) -> str:
    start = d.pick(("so much has happened", "what a day", "a long day is over"))
    links = ("", "", "I saw it myself: ", "I must not forget: ", "What else? ")
    body = " ".join(_after(d.pick(links), clause) for clause in clauses)
    close = d.pick(("Good night.", "And now to bed.", "More tomorrow."))
    return f"{d.pick(_DAYS)}, late: {start}. {body} {close}"


def _after(link: str, clause: str) -> str:
    return link + sentence(clause) if link.endswith("? ") else sentence(link + clause)


def _telegram(d: Draw, clauses: Sequence[str]) -> str:
    body = " STOP ".join(sentence(clause, "") for clause in clauses)
    return (
        f"Telegram to {d.person().name}: {body} STOP {d.pick(('Greetings', 'Letter follows', 'Come soon'))}"
    )


GENRES: dict[str, Callable[[Draw, Sequence[str]], str]] = {
    "story": _story,
    "letter": _letter,
    "notice": _notice,
    "dialogue": _dialogue,
    "diary": _diary,
    "telegram": _telegram,
}
MATCHED, MISMATCHED = ("story", "letter", "notice"), ("dialogue", "diary", "telegram")
"""The genres of training, and those that occur in the mismatched splits alone."""
