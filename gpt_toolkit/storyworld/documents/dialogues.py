"""Conversations in direct speech, and questions about them as CoQA asks and GPT-2 §3.5 shows them."""

import re
from collections.abc import Collection, Iterator
from random import Random

from gpt_toolkit.storyworld.documents.about import questions_about
from gpt_toolkit.storyworld.documents.accounts import Account
from gpt_toolkit.storyworld.documents.gist import gist
from gpt_toolkit.storyworld.documents.letters import (
    address,
    narrator_and_listener,
    participants,
    weather_slots,
)
from gpt_toolkit.storyworld.documents.lore import draw_facts, nouns_of, state_fact, within
from gpt_toolkit.storyworld.events import Event
from gpt_toolkit.storyworld.lexicon import phrases
from gpt_toolkit.storyworld.plots import simulate
from gpt_toolkit.storyworld.scenes import Story
from gpt_toolkit.storyworld.telling import tell
from gpt_toolkit.storyworld.world import Person

Turn = tuple[Person, str]
_END = re.compile(r"[.?!](?= |$)")

_HELLO = phrases(
    """
    Good morning, {name}!; Hello, {name}!; Good day, {name}!; There you are, {name}!; {name}, it is good to
    see you!; What a surprise, {name}!; Welcome, {name}!
    """
)
_WHAT = phrases(
    """
    You look as if you had a story to tell.; What is the news?; Have you heard what happened?; People say that
    you had quite a day.; Why are you smiling?; Is it true what they say?; Tell me everything!; Sit down and
    tell me what happened.
    """
)
_STORY = phrases(
    """
    It was one {weather} {time} this {season}.; Listen, it began on {a_weather} {time} this {season}.; Well,
    it was {a_weather} {time} this {season}.; You would not believe what can happen on {a_weather} {season}
    {time}.
    """
)
_GO_ON = phrases(
    """
    And then?; What happened next?; Go on!; Really?; And what came of it?; I am listening.; Do not stop now!;
    How strange!; What then?; Well, well.; And after that?; I can hardly believe it.; You do not say!; Tell me
    more.
    """
)
_AFTER = {
    "animal": phrases("What a thief!; Animals can be such rascals.; Of all things!; And nobody stopped it?"),
    "break": phrases("Oh dear!; What bad luck!; How awful!; That must have been a shock."),
    "tear": phrases("Oh dear!; What bad luck!; How awful!; That must have been a shock."),
    "miss": phrases("Oh no!; How terrible!; Was it really gone?; What a loss!"),
    "prank": phrases("That is not funny.; What a joke!; Some people never grow up.; Just like that?"),
    "find": phrases("What luck!; I am glad to hear it!; At last!; How wonderful!"),
    "open": phrases("How exciting!; What a treasure!; Imagine that!; After all those years!"),
    "give": phrases("How nice!; That was kind.; What a joy!; And everybody was happy?"),
    "mend": phrases("How kind!; What skill!; One can rely on some people.; Thank goodness!"),
    "give_back": phrases("That was honest.; As it should be.; Good!; That was right."),
}
_GLAD = phrases(
    """
    What a story!; I am glad that it ended well.; Thank you for telling me.; I will remember that.; That could
    be in a book!; All is well that ends well.; I wish I had been there.; Nobody tells it like you.
    """
)
_BY_THE_WAY = phrases(
    """
    By the way, {fact}; I have heard something, too: {fact}; Speaking of news, {fact}; Did you know this?
    {Fact}; You may not know it, but {fact}; And I learned something today: {fact}
    """
)
_INDEED = phrases(
    """
    I did not know that.; That is good to know. And {fact}; Yes, and {fact}; Indeed, and {fact}; Who told
    you?; So they say. And {fact}; I know, and {fact}
    """
)
_BYE = phrases(
    """
    Good-bye, {name}!; See you soon, {name}!; I must go now. Farewell, {name}!; Until tomorrow, {name}!; Now I
    have to run.; It is getting late, {name}.
    """
)
_SAID = phrases("said {name}; {name} replied; {name} answered; said {name} at once; {name} said")
_ASKED = phrases("asked {name}; {name} asked; {name} wanted to know; asked {name} with wide eyes")
_CRIED = phrases("cried {name}; {name} cried; exclaimed {name}; {name} called out; said {name}")


def _turns(state: Story, rng: Random, split: str) -> Iterator[Turn]:
    """Who says what, in order."""

    def pick(options: tuple[str, ...]) -> str:
        return options[int(rng.random() * len(options))]

    teller, listener = narrator_and_listener(state, rng)
    first, second = {"name": address(listener, teller)}, {"name": address(teller, listener)}
    there = listener in participants(state)
    yield listener, f"{pick(_HELLO).format_map(first)} {'' if there else pick(_WHAT)}".rstrip()
    opening = pick(_STORY).format_map(weather_slots(state))
    if there:
        opening = f"I was just thinking of that {state.weather} {state.time} this {state.season}."
    account = list(Account(state, rng, teller, listener).told())
    reactions: set[str] = set()
    at, said = 0, [f"{pick(_HELLO).format_map(second)} {opening}" if rng.random() < 0.5 else opening]
    while at < len(account):
        size = 1 + int(rng.random() * 3)
        chunk = account[at : at + size]
        at += size
        yield teller, " ".join([*said, *(sentence for _, sentence in chunk)])
        said = []
        if at < len(account):
            reaction = _reaction(chunk[-1][0], rng, there, reactions)
            reactions.add(reaction)
            yield listener, reaction
    facts = draw_facts(
        rng, split, nouns_of(state), 1 + int(rng.random() * 3), (teller.family, listener.family)
    )
    stated = [state_fact(rng, fact) for fact in facts]
    told_first = rng.random() < 0.8
    yield listener, pick(_GLAD) + (f" {_put(pick(_BY_THE_WAY), stated.pop())}" if told_first else "")
    last = listener
    if stated:
        yield teller, _put(pick(_INDEED if told_first else _BY_THE_WAY), stated.pop())
        last = teller
    if rng.random() < 0.6:
        bye = pick(_BYE)
        yield (listener, bye.format_map(first)) if last is teller else (teller, bye.format_map(second))


def _put(frame: str, fact: str) -> str:
    return frame.format(fact=within(fact), Fact=fact)


def _reaction(event: Event, rng: Random, there: bool, heard: Collection[str]) -> str:
    """What a listener says to an event, as long as possible something that was not heard yet."""
    options = _AFTER.get("find" if event.kind.startswith("use_") else event.kind, ())
    if there:
        options = options or phrases("Yes.; I remember.; So it was.; How could I forget it?; That is right.")
    elif not options or rng.random() < 0.4:
        options = _GO_ON
    options = tuple(option for option in options if option not in heard) or options
    return options[int(rng.random() * len(options))]


def _as_prose(turns: list[Turn], rng: Random) -> str:
    """A line for each turn; who speaks is said at first, and later where it is not clear."""
    lines = []
    tags = {".": _SAID, "?": _ASKED, "!": _CRIED}
    for number, (speaker, text) in enumerate(turns):
        clear = number >= 2 and turns[number - 1][0] is not speaker and turns[number - 2][0] is speaker
        if clear and rng.random() < 0.6:
            lines.append(f'"{text}"')
            continue
        # the tag stands after the first sentence
        end = next(mark.start() for mark in _END.finditer(text))
        options = tags[text[end]]
        tag = options[int(rng.random() * len(options))].format(name=speaker.name)
        mark = "," if text[end] == "." else text[end]
        rest = text[end + 1 :].strip()
        lines.append(f'"{text[:end]}{mark}" {tag}.' + (f' "{rest}"' if rest else ""))
    return "\n".join(lines)


def dialogue(rng: Random, split: str) -> str:
    """A conversation about what happened, in direct speech or as a script.

    Args:
        rng: Source of all that is left to chance.
        split: "train", "validation" or "test"; what it is about is a story of this split.
    """
    return _dialogue(simulate(rng, split), rng, split)


def _dialogue(state: Story, rng: Random, split: str) -> str:
    turns = list(_turns(state, rng, split))
    if rng.random() < 0.3:
        return "\n".join(f"{speaker.name}: {text}" for speaker, text in turns)
    return _as_prose(turns, rng)


def conversation(rng: Random, split: str) -> tuple[str, list[tuple[str, str]]]:
    """A passage, and questions about it that lean on each other, with short answers.

    Args:
        rng: Source of all that is left to chance.
        split: "train", "validation" or "test"; the passage is a dialogue or a story of this split.

    Returns:
        The passage, and its questions with their answers, in order.
    """
    state = simulate(rng, split)
    essence = gist(state)
    passage = tell(state) if rng.random() < 0.4 else ""
    # a story does not always say what the things look like, for which the questions ask
    if not all(item.adjective in passage for item in (essence.item, *essence.items)):
        passage = _dialogue(state, rng, split)
    return passage, questions_about(essence, rng)


def with_questions(rng: Random, split: str) -> str:
    """A passage followed by lines of questions and answers (the form of GPT-2, tables 16 and 17)."""
    passage, asked = conversation(rng, split)
    between = "\n\n" if rng.random() < 0.3 else "\n"
    return f"{passage}\n\n" + between.join(f"Q: {question}\nA: {answer}" for question, answer in asked)
