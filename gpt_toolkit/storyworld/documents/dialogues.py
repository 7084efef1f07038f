"""Conversations in direct speech, and questions about them as in CoQA and GPT-2 §3.5."""

import re
from collections.abc import Collection, Iterator
from random import Random

from gpt_toolkit.storyworld.documents.account import Account, draw_narrator_and_reader, participants
from gpt_toolkit.storyworld.documents.story_roles import draw_questions, story_roles
from gpt_toolkit.storyworld.facts import draw_facts, draw_statement, inside_sentence
from gpt_toolkit.storyworld.narrator import tell
from gpt_toolkit.storyworld.people import Person, address
from gpt_toolkit.storyworld.plots import simulate
from gpt_toolkit.storyworld.scenes import Story
from gpt_toolkit.storyworld.story_state import Event
from gpt_toolkit.storyworld.wording import load

Turn = tuple[Person, str]
_WORDING = load("documents")["dialogue"]
_TAGS = {".": _WORDING["said"], "?": _WORDING["asked"], "!": _WORDING["cried"]}
_END = re.compile(r"[.?!](?= |$)")
_ASKED_AFTER = 0.45  # tuned here: fraction of the dialogues that questions follow


def _turns(state: Story, split: str) -> Iterator[Turn]:
    """Yield the turns of a conversation: who speaks, and the text."""
    pick, chance = state.pick, state.chance
    teller, listener = draw_narrator_and_reader(state)
    to_teller, to_listener = {"name": address(listener, teller)}, {"name": address(teller, listener)}
    is_witness = listener in participants(state)
    hello = pick(_WORDING["hello"]).format_map(to_teller)
    yield listener, f"{hello} {'' if is_witness else pick(_WORDING['what'])}".rstrip()
    opening = pick(_WORDING["story"]).format_map(state.time_slots())
    if is_witness:
        opening = f"I was just thinking of that {state.weather} {state.time} this {state.season}."
    account = list(Account(state, teller, listener).reported())
    reactions: set[str] = set()
    at = 0
    said = [f"{pick(_WORDING['hello']).format_map(to_listener)} {opening}" if chance(0.5) else opening]
    while at < len(account):
        chunk = account[at : at + 1 + state.below(3)]
        at += len(chunk)
        yield teller, " ".join([*said, *(sentence for _, sentence in chunk)])
        said = []
        if at < len(account):
            reaction = _draw_reaction(state, chunk[-1][0], is_witness, reactions)
            reactions.add(reaction)
            yield listener, reaction
    families = (teller.family, listener.family)
    facts = draw_facts(state, split, state.logged_nouns(), 1 + state.below(3), families)
    stated = [draw_statement(state, fact) for fact in facts]
    has_news = chance(0.8)
    reply = [pick(_WORDING["glad"])]
    if has_news:
        reply.append(_insert(pick(_WORDING["by_the_way"]), stated.pop()))
    yield listener, " ".join(reply)
    last = listener
    if stated:
        yield teller, _insert(pick(_WORDING["indeed" if has_news else "by_the_way"]), stated.pop())
        last = teller
    if chance(0.6):
        bye = pick(_WORDING["bye"])
        yield (
            (listener, bye.format_map(to_teller)) if last is teller else (teller, bye.format_map(to_listener))
        )


def _insert(frame: str, fact: str) -> str:
    return frame.format(fact=inside_sentence(fact), Fact=fact)


def _draw_reaction(state: Story, event: Event, is_witness: bool, heard: Collection[str]) -> str:
    """Draw what a listener says to an event, if possible something new."""
    options: tuple[str, ...] = _WORDING["after"].get(
        "find" if event.kind.startswith("use_") else event.kind, ()
    )
    if is_witness:
        options = options or _WORDING["witness"]
    elif not options or state.chance(0.4):
        options = _WORDING["go_on"]
    return state.pick(tuple(option for option in options if option not in heard) or options)


def _as_prose(state: Story, turns: list[Turn]) -> str:
    """Write a line for each turn that says who speaks: the first two, and later where it is not clear."""
    lines = []
    for number, (speaker, text) in enumerate(turns):
        is_clear = number >= 2 and turns[number - 1][0] is not speaker and turns[number - 2][0] is speaker
        if is_clear and state.chance(0.6):
            lines.append(f'"{text}"')
            continue
        # the tag stands after the first sentence
        end = next(found.start() for found in _END.finditer(text))
        tag = state.pick(_TAGS[text[end]]).format(name=speaker.name)
        mark = "," if text[end] == "." else text[end]
        rest = text[end + 1 :].strip()
        lines.append(f'"{text[:end]}{mark}" {tag}.' + (f' "{rest}"' if rest else ""))
    return "\n".join(lines)


def _write(state: Story, split: str) -> str:
    turns = list(_turns(state, split))
    if state.chance(0.3):
        return "\n".join(f"{speaker.name}: {text}" for speaker, text in turns)
    return _as_prose(state, turns)


def conversation(rng: Random, split: str) -> tuple[str, list[tuple[str, str]]]:
    """Write a passage and questions about it that depend on each other, with short answers.

    Args:
        rng: Source of randomness.
        split: Split of the story that the passage, a dialogue or the story itself, is about.

    Returns:
        The passage, and its questions with their answers, in order.
    """
    state = simulate(rng, split)
    roles = story_roles(state)
    passage = tell(state) if state.chance(0.4) else ""
    # a story does not always say what the things look like, for which the questions ask
    if not all(item.adjective in passage for item in (roles.item, *roles.items)):
        passage = _write(state, split)
    return passage, draw_questions(state, roles)


def dialogue(rng: Random, split: str) -> str:
    """Write a conversation about a story of the split, sometimes followed by questions and answers.

    The questions have the form of GPT-2's tables 16 and 17.
    """
    if rng.random() >= _ASKED_AFTER:
        return _write(simulate(rng, split), split)
    passage, asked = conversation(rng, split)
    between = "\n\n" if rng.random() < 0.3 else "\n"
    return f"{passage}\n\n" + between.join(f"Q: {question}\nA: {answer}" for question, answer in asked)
