"""A passage and questions that lean on each other, after CoQA (GPT-2 §3.5)."""

from random import Random
from typing import NamedTuple

from gpt_toolkit.storyworld.documents import conversation as draw_conversation


class Conversation(NamedTuple):
    """A passage, questions about it in their order, and the answer to each."""

    story: str
    questions: tuple[str, ...]
    answers: tuple[str, ...]


def conversation(rng: Random, split: str) -> Conversation:
    """Draw a row; in questions "she" is the hero and "it" the thing that the questions before named."""
    story, asked = draw_conversation(rng, split)
    questions, answers = zip(*asked, strict=True)
    return Conversation(story, questions, answers)
