"""Lists of questions and answers about lasting facts (GPT-2 §3.8), and pages of translations (GPT-2 §3.7)."""

from random import Random

from gpt_toolkit.storyworld.chooser import Chooser
from gpt_toolkit.storyworld.facts import (
    FACTS,
    TOPICS,
    Fact,
    answers,
    asked_in_training,
    draw_statement,
    questions,
)
from gpt_toolkit.storyworld.meanings import MeaningChooser
from gpt_toolkit.storyworld.people import PEOPLE, SPLITS, draw_central_pair
from gpt_toolkit.storyworld.vallic import NAME, english, translate
from gpt_toolkit.storyworld.wording import load

_TITLES: tuple[str, ...] = load("documents")["question_list"]["titles"]
_TRANSLATION: dict[str, tuple[str, ...]] = load("documents")["translation"]
ASKED_IN = {split: tuple(fact for fact in FACTS if fact.split == split) for split in SPLITS}
"""The facts whose questions belong to each split."""


def question_list(rng: Random, split: str) -> str:
    """Write questions about facts with their answers.

    Args:
        rng: Source of randomness.
        split: Split of the document. Only its documents ask for at least one of the facts; the other facts
            may be those that training documents ask for.
    """
    chooser = Chooser(rng)
    pick, chance = chooser.pick, chooser.chance
    own = ASKED_IN[split]
    chosen: list[Fact] = []
    while len(chosen) < 4:
        first = pick(own)
        count = 4 + chooser.below(7)
        if chance(0.4):  # about one family or one place
            topic = [fact for fact in TOPICS[first.topic] if asked_in_training(fact) or fact.split == split]
            pool = [fact for fact in topic if fact is not first]
        else:
            other = ASKED_IN["train"] if chance(0.5) else own
            drawn = [pick(other) for _ in range(count - 1)]
            pool = list({fact.subject + fact.relation: fact for fact in drawn if fact is not first}.values())
        chosen = [first]
        while pool and len(chosen) < count:
            chosen.append(pool.pop(chooser.below(len(pool))))
    # the question that belongs to the split alone is not always the first
    at = chooser.below(len(chosen))
    chosen[0], chosen[at] = chosen[at], chosen[0]
    uses_sentences = chance(0.15)
    between = "\n\n" if chance(0.3) else "\n"
    pairs = []
    for fact in chosen:
        question = pick(questions(fact))
        answer = draw_statement(chooser, fact) if uses_sentences else answers(fact)[0]
        pairs.append(f"Q: {question}\nA: {answer}")
    text = between.join(pairs)
    return f"{pick(_TITLES)}\n\n{text}" if chance(0.5) else text


def translations(rng: Random, split: str) -> str:
    """Write a page of sentences with their translations.

    Args:
        rng: Source of randomness.
        split: Split of the combinations of words in all sentences.
    """
    chooser = Chooser(rng)
    pick, chance = chooser.pick, chooser.chance
    people = [draw_central_pair(chooser, split)[0], pick(PEOPLE)]
    meaning_chooser = MeaningChooser(rng, split, people)
    meanings = dict.fromkeys(meaning_chooser.meaning() for _ in range(4 + chooser.below(7)))
    pairs = [(english(meaning), translate(meaning)) for meaning in meanings]
    form, direction = rng.random(), rng.random()
    if form < 0.5:  # GPT-2's form
        is_english_first = direction < 0.65
        text = "\n".join(f"{a} = {b}" if is_english_first else f"{b} = {a}" for a, b in pairs)
    elif form < 0.65:
        labeled = [(f"English: {a}", f"{NAME}: {b}") for a, b in pairs]
        text = "\n\n".join("\n".join(pair if direction < 0.6 else pair[::-1]) for pair in labeled)
    elif form < 0.75:
        one, other = (" ".join(sentences) for sentences in zip(*pairs, strict=True))
        text = f"{one}\n\nIn {NAME}:\n{other}" if direction < 0.5 else f"{other}\n\nIn English:\n{one}"
    elif form < 0.88:
        text = " ".join(pick(_TRANSLATION["prose"]).format(english=a, vallic=b) for a, b in pairs[:6])
    else:
        asker, answerer = people[0].name, people[1].name
        if asker == answerer:
            answerer = "Teacher"
        turns = []
        for a, b in pairs[:6]:
            if chance(0.6):
                turns += [f"{asker}: {pick(_TRANSLATION['how']).format(english=a)}", f"{answerer}: {b}"]
            else:
                turns += [f"{asker}: {pick(_TRANSLATION['what']).format(vallic=b)}", f"{answerer}: {a}"]
        text = "\n".join(turns)
    return f"{pick(_TRANSLATION['titles'])}\n\n{text}" if chance(0.4) else text
