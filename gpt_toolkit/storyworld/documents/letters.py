"""Letters: somebody writes to somebody what happened, and what else is to be said about the valley."""

from random import Random

from gpt_toolkit.storyworld.almanac import STREETS
from gpt_toolkit.storyworld.documents.accounts import Account, reported_kind
from gpt_toolkit.storyworld.documents.lore import draw_facts, nouns_of, state_fact, within
from gpt_toolkit.storyworld.english import article
from gpt_toolkit.storyworld.lexicon import phrases, words
from gpt_toolkit.storyworld.plots import simulate
from gpt_toolkit.storyworld.scenes import Story
from gpt_toolkit.storyworld.world import Person, kinship

DAYS = words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
_GREETINGS = phrases("Dear {name},; My dear {name},; Dearest {name},; Hello {name},; Good day, {name}!")
_HEALTH = phrases(
    """
    I hope that you are well.; How are you? All is well in {street}.; Thank you for your last letter.; It is
    long since I wrote to you.; At last I find the time to write.; I am sitting by the window and thinking of
    you.; Your card arrived yesterday and made me smile.; Forgive me for being so slow to answer.; The pen is
    scratching, but I will write all the same.; Today there is real news.
    """
)
_STORY = phrases(
    """
    Let me tell you what happened one {weather} {time} this {season}.; You will hardly believe what happened
    on {a_weather} {time} this {season}.; I must tell you about {a_weather} {time} this {season}.; Something
    happened here this {season}, on {a_weather} {time}.; One {weather} {time} this {season} was not like any
    other.
    """
)
_SHARED = phrases(
    """
    Do you remember that {weather} {time} this {season}?; I often think of that {weather} {time} this
    {season}.; You know it all, but let me write down what happened on that {weather} {time} this {season}.;
    You were part of it, and still I must write about that {weather} {time} this {season}.
    """
)
_NEWS = phrases(
    """
    You asked me about the valley.; Here is some news.; And do you know what else I have learned?; You wanted
    to know more about us here.; I have kept my ears open for you.; Now for the rest.; Before I forget it:;
    You should know these things before you visit us.; I also wrote down a few things for you.
    """
)
_CLOSINGS = phrases(
    """
    Write to me soon.; Come and see me before the {season} is over.; I send you my best wishes.; Keep well
    until we meet again.; Give my love to everybody.; I must stop now, because the candle is burning low.;
    That is all for today.; I look forward to your answer.; The soup is getting cold, so I will end here.
    """
)
_ENDS = phrases("Yours,; With love,; Your faithful; Many greetings from; Always your; Best wishes,; Fondly,")
_OPEN_ENDS = frozenset(phrases("Your faithful; Many greetings from; Always your"))


def participants(state: Story) -> tuple[Person, ...]:
    """Those whom an account of the story mentions, the hero first."""
    people = [state.hero]
    for event in state.log:
        if reported_kind(event):
            people += [person for person in (event.a, event.b, event.c) if person is not None]
    return tuple(dict.fromkeys(people))


def narrator_and_listener(state: Story, rng: Random) -> tuple[Person, Person]:
    """Who tells what happened, mostly the hero, and to whom, mostly somebody who was not there."""
    present = participants(state)
    narrator = state.hero if rng.random() < 0.6 else present[int(rng.random() * len(present))]
    absent = [person for person in state.cast if person not in present]
    if not absent or rng.random() < 0.2:
        # the hero is named in every document about him, be it in the greeting
        named = address(narrator, state.hero) == state.hero.name
        absent = [p for p in state.cast if p is not narrator and (p is not state.hero or named)]
    return narrator, absent[int(rng.random() * len(absent))]


def address(speaker: Person, listener: Person) -> str:
    """How somebody addresses somebody: parents and grandparents by what they are."""
    word = kinship(speaker, listener)
    elder = word in ("mother", "father", "grandmother", "grandfather")
    return word.capitalize() if elder else listener.name


def weather_slots(state: Story) -> dict[str, str]:
    """When it was, for templates."""
    weather = state.weather
    return {"weather": weather, "a_weather": article(weather), "time": state.time, "season": state.season}


def letter(rng: Random, split: str) -> str:
    """A letter.

    Args:
        rng: Source of all that is left to chance.
        split: "train", "validation" or "test"; what it is about is a story of this split.
    """

    def pick(options: tuple[str, ...]) -> str:
        return options[int(rng.random() * len(options))]

    state = simulate(rng, split)
    writer, reader = narrator_and_listener(state, rng)
    street = STREETS[writer.family]
    slots = {**weather_slots(state), "street": street}
    account = Account(state, rng, writer, reader)
    told = [sentence for _, sentence in account.told()]
    half = 4 + int(rng.random() * 3)
    facts = draw_facts(rng, split, nouns_of(state), 4 + int(rng.random() * 4), (writer.family, reader.family))
    parts = (
        [f"{street}, {pick(DAYS)} {pick(words('morning noon evening night'))}"] if rng.random() < 0.6 else []
    )
    parts.append(pick(_GREETINGS).format(name=address(writer, reader)))
    opening = pick(_SHARED if reader in participants(state) else _STORY).format_map(slots)
    if rng.random() < 0.6:
        opening = f"{pick(_HEALTH).format_map(slots)} {opening}"
    parts.append(" ".join([opening, *told[:half]]))
    if told[half:]:
        parts.append(" ".join(told[half:]))
    postscript = facts.pop() if len(facts) > 2 and rng.random() < 0.3 else None
    news = " ".join(state_fact(rng, fact) for fact in facts)
    parts.append(f"{pick(_NEWS)} {news}")
    if rng.random() < 0.7:
        parts.append(pick(_CLOSINGS).format_map(slots))
    end, word = pick(_ENDS), kinship(reader, writer)
    if word and rng.random() < 0.5:
        parts.append(f"Your {word} {writer.name}")
    else:
        parts.append(f"{end}{' ' if end in _OPEN_ENDS else chr(10)}{writer.name}")
    if postscript is not None:
        parts.append(f"P.S. I nearly forgot: {within(state_fact(rng, postscript))}")
    return "\n\n".join(parts)
