"""Lists of questions and answers about the lasting facts, as closed-book questions need them (GPT-2 §3.8)."""

from random import Random

from gpt_toolkit.storyworld.documents.lore import state_fact
from gpt_toolkit.storyworld.facts import FACTS, TOPICS, Fact, answers, asked_in_training, questions
from gpt_toolkit.storyworld.lexicon import phrases

_TITLES = phrases(
    """
    Questions and answers about the valley; Quiz for a rainy evening; What everybody should know; Ask the
    almanac; Do you know the valley?; From the school: questions and answers; For visitors; Frequently asked
    questions; Riddles without tricks; The evening quiz
    """
)
ASKED_IN = {
    split: tuple(fact for fact in FACTS if fact.split == split) for split in ("train", "validation", "test")
}
"""The facts whose questions belong to each split."""


def _asked_with(fact: Fact, split: str) -> bool:
    return asked_in_training(fact) or fact.split == split


def question_list(rng: Random, split: str) -> str:
    """Some questions about facts with their answers.

    Args:
        rng: Source of all that is left to chance.
        split: "train", "validation" or "test"; the first fact is one that only this split asks for, the
            others may also be those that training asks for.
    """

    def pick(options: tuple[str, ...]) -> str:
        return options[int(rng.random() * len(options))]

    own = ASKED_IN[split]
    first = own[int(rng.random() * len(own))]
    count = 4 + int(rng.random() * 7)
    if rng.random() < 0.4:  # about one family or one place
        pool = [fact for fact in TOPICS[first.topic] if _asked_with(fact, split) and fact is not first]
    else:
        other = ASKED_IN["train"] if rng.random() < 0.5 else own
        pool = [other[int(rng.random() * len(other))] for _ in range(count - 1)]
        pool = list({fact.subject + fact.relation: fact for fact in pool if fact is not first}.values())
    chosen = [first]
    while pool and len(chosen) < count:
        chosen.append(pool.pop(int(rng.random() * len(pool))))
    if len(chosen) < 4:
        return question_list(rng, split)
    # the fact of the split alone is not always the first question
    at = int(rng.random() * len(chosen))
    chosen[0], chosen[at] = chosen[at], chosen[0]
    whole = rng.random() < 0.15  # answers in whole sentences
    between = "\n\n" if rng.random() < 0.3 else "\n"
    text = between.join(
        f"Q: {pick(questions(fact))}\nA: {state_fact(rng, fact) if whole else answers(fact)[0]}"
        for fact in chosen
    )
    return f"{pick(_TITLES)}\n\n{text}" if rng.random() < 0.5 else text
