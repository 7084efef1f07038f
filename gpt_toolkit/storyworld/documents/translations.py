"""Sentences in English and Vallic side by side, in the forms in which people write them down (GPT-2 §3.7)."""

from random import Random

from gpt_toolkit.storyworld.documents.lore import central_pair
from gpt_toolkit.storyworld.language import NAME, english, translate
from gpt_toolkit.storyworld.language.meanings import Speaker
from gpt_toolkit.storyworld.lexicon import phrases
from gpt_toolkit.storyworld.world import PEOPLE

_TITLES = phrases(
    f"""
    Lesson in {NAME}; {NAME} for beginners; A little {NAME} every day; From a phrase book; English and {NAME};
    {NAME} at home; Sentences to learn by heart; Exercise; The old language of the valley
    """
)
_IN_PROSE = phrases(
    f"""
    In {NAME}, "{{english}}" is "{{vallic}}"; "{{english}}" means "{{vallic}}" in {NAME}.; In {NAME} one says
    "{{vallic}}" for "{{english}}"; Whoever wants to say "{{english}}" in {NAME} says "{{vallic}}";
    "{{vallic}}" is {NAME} and means "{{english}}"
    """
)
_HOW = phrases(
    f"""
    How do you say "{{english}}" in {NAME}?; What is "{{english}}" in {NAME}?; Can you say "{{english}}" in
    {NAME}?; Say it in {NAME}: "{{english}}"
    """
)
_WHAT = phrases(
    'What does "{vallic}" mean?; And "{vallic}"?; What is "{vallic}" in English?; Do you know "{vallic}"?'
)


def _lines(pairs: list[tuple[str, str]], draw: float) -> str:
    """GPT-2's form: a pair on each line, in one of the two directions."""
    if draw < 0.65:
        return "\n".join(f"{first} = {second}" for first, second in pairs)
    return "\n".join(f"{second} = {first}" for first, second in pairs)


def _labelled(pairs: list[tuple[str, str]], draw: float) -> str:
    if draw < 0.6:
        return "\n\n".join(f"English: {first}\n{NAME}: {second}" for first, second in pairs)
    return "\n\n".join(f"{NAME}: {second}\nEnglish: {first}" for first, second in pairs)


def _texts(pairs: list[tuple[str, str]], draw: float) -> str:
    one, other = " ".join(first for first, _ in pairs), " ".join(second for _, second in pairs)
    if draw < 0.5:
        return f"{one}\n\nIn {NAME}:\n{other}"
    return f"{other}\n\nIn English:\n{one}"


def translations(rng: Random, split: str) -> str:
    """A page of sentences with their translations.

    Args:
        rng: Source of all that is left to chance.
        split: "train", "validation" or "test"; of this split are the combinations in all its sentences.
    """

    def pick(options: tuple[str, ...]) -> str:
        return options[int(rng.random() * len(options))]

    people = [central_pair(rng, split)[0], PEOPLE[int(rng.random() * len(PEOPLE))]]
    speaker = Speaker(rng, split, people)
    meanings = dict.fromkeys(speaker.meaning() for _ in range(4 + int(rng.random() * 7)))
    pairs = [(english(meaning), translate(meaning)) for meaning in meanings]
    form, draw = rng.random(), rng.random()
    if form < 0.5:
        text = _lines(pairs, draw)
    elif form < 0.65:
        text = _labelled(pairs, draw)
    elif form < 0.75:
        text = _texts(pairs, draw)
    elif form < 0.88:
        text = " ".join(pick(_IN_PROSE).format(english=one, vallic=other) for one, other in pairs[:6])
    else:
        asker, answerer = people[0].name, people[1].name
        if asker == answerer:
            answerer = "Teacher"
        turns = []
        for one, other in pairs[:6]:
            if rng.random() < 0.6:
                turns += [f"{asker}: {pick(_HOW).format(english=one)}", f"{answerer}: {other}"]
            else:
                turns += [f"{asker}: {pick(_WHAT).format(vallic=other)}", f"{answerer}: {one}"]
        text = "\n".join(turns)
    return f"{pick(_TITLES)}\n\n{text}" if rng.random() < 0.4 else text
