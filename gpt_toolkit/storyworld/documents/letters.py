"""Letters and newspaper reports about a story, with other news of the valley."""

from random import Random

from gpt_toolkit.storyworld.documents.account import Account, draw_narrator_and_reader, participants
from gpt_toolkit.storyworld.documents.story_roles import draw_headline, draw_summary, story_roles
from gpt_toolkit.storyworld.facts import draw_facts, draw_statement, inside_sentence
from gpt_toolkit.storyworld.lexicon import DAYS
from gpt_toolkit.storyworld.people import FAMILIES, STREETS, address, kinship
from gpt_toolkit.storyworld.places import PLACES
from gpt_toolkit.storyworld.plots import simulate
from gpt_toolkit.storyworld.wording import load, words

_LETTER, _REPORT = load("documents")["letter"], load("documents")["report"]
_TIMES = words(_LETTER["times"])
_TOPIC_OF_PLACE = {place: len(FAMILIES) + index for index, place in enumerate(PLACES)}


def letter(rng: Random, split: str) -> str:
    """Write a letter about a story of the split."""
    state = simulate(rng, split)
    pick, chance = state.pick, state.chance
    writer, reader = draw_narrator_and_reader(state)
    street = STREETS[writer.family]
    slots = {**state.time_slots(), "street": street}
    sentences = Account(state, writer, reader).sentences()
    half = 4 + state.below(3)
    nouns = state.logged_nouns()
    facts = draw_facts(state, split, nouns, 4 + state.below(4), (writer.family, reader.family))
    parts = [f"{street}, {pick(DAYS)} {pick(_TIMES)}"] if chance(0.6) else []
    parts.append(pick(_LETTER["greetings"]).format(name=address(writer, reader)))
    is_shared = reader in participants(state)
    opening = pick(_LETTER["shared" if is_shared else "story"]).format_map(slots)
    if chance(0.6):
        opening = f"{pick(_LETTER['health']).format_map(slots)} {opening}"
    parts.append(" ".join([opening, *sentences[:half]]))
    if sentences[half:]:
        parts.append(" ".join(sentences[half:]))
    postscript = facts.pop() if len(facts) > 2 and chance(0.3) else None
    news = " ".join(draw_statement(state, fact) for fact in facts)
    parts.append(f"{pick(_LETTER['news'])} {news}")
    if chance(0.7):
        parts.append(pick(_LETTER["closings"]).format_map(slots))
    end, kin = pick(_LETTER["ends"]), kinship(reader, writer)
    if kin and chance(0.5):
        parts.append(f"Your {kin} {writer.name}")
    else:
        parts.append(f"{end}{' ' if end in _LETTER['open_ends'] else chr(10)}{writer.name}")
    if postscript is not None:
        parts.append(f"P.S. I nearly forgot: {inside_sentence(draw_statement(state, postscript))}")
    return "\n\n".join(parts)


def report_and_summary(rng: Random, split: str) -> tuple[str, str]:
    """Write a report of a story of the split, and its summary in one or two sentences."""
    state = simulate(rng, split)
    pick, chance = state.pick, state.chance
    roles = story_roles(state)
    slots = {**state.time_slots(), "day": pick(DAYS)}
    sentences = Account(state).sentences()
    parts = []
    if chance(0.7):
        title = draw_headline(state, roles)
        parts.append(title.upper() if chance(0.3) else title)
    half = 5 + state.below(3)
    parts.append(" ".join([pick(_REPORT["leads"]).format_map(slots), *sentences[:half]]))
    if sentences[half:]:
        parts.append(" ".join(sentences[half:]))
    if chance(0.85):
        # about the hero's family, or about the place where it happened
        topic = _TOPIC_OF_PLACE.get(roles.place) if chance(0.5) else state.hero.family
        facts = draw_facts(state, split, state.logged_nouns(), 2 + state.below(3), topic=topic)
        if facts:
            parts.append(
                " ".join([pick(_REPORT["background"]), *(draw_statement(state, fact) for fact in facts)])
            )
    if chance(0.6):
        parts.append(pick(_REPORT["ends"]).format_map(slots))
    return "\n\n".join(parts), draw_summary(state, roles)


def report(rng: Random, split: str) -> str:
    """Write a report that ends in ``TL;DR:`` and a summary (GPT-2 §3.6)."""
    article, summary = report_and_summary(rng, split)
    marks = _REPORT["summary_marks"]
    return str(article + marks[int(rng.random() * len(marks))] + summary)
