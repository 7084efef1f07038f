"""Headlines, summaries and questions, compared with the events of their story."""

import re
from random import Random

from gpt_toolkit.storyworld.documents import conversation
from gpt_toolkit.storyworld.documents.story_roles import (
    draw_questions,
    draw_summary,
    story_roles,
)
from gpt_toolkit.storyworld.plots import simulate
from tests.storyworld.texts import PERSON

STRESSED = {"a", "an", "the", "at", "in", "on", "by", "of", "edge", "to", "home"}


def test_answers_stand_in_their_passage() -> None:
    rng, checked = Random(3), 0
    for _ in range(1500):
        passage, asked = conversation(rng, "train")
        told = set(re.findall(r"[\w'-]+", passage.lower()))
        assert len(asked) >= 2
        for question, answer in asked:
            checked += 1
            assert question.endswith("?")
            words = set(re.findall(r"[\w'-]+", answer.lower())) - STRESSED
            assert answer in ("yes", "no") or words <= told, (question, answer, passage)
    assert checked > 5000


def test_questions_and_summaries_agree_with_the_events() -> None:
    """Compare with the end of the story, which states the owner of the thing."""
    kept = {"yes": 0, "no": 0}
    for number in range(1500):
        state = simulate(Random(number), "train")
        roles = story_roles(state)
        end = next(event for event in reversed(state.log) if event.kind.startswith("final"))
        assert roles.owner is end.a
        text = draw_summary(state, roles)
        named = {name for name in PERSON if re.search(rf"\b{name}\b", text)}
        present = {person.name for event in state.log for person in event[1:4] if person is not None}
        assert named, text
        assert named <= present
        assert any(item.word in text for item in (roles.item, *roles.items)), text
        for question, answer in draw_questions(state, roles):
            if re.match(r"(Did|Does|Is|May) \w+ (keep|still|belong)|Does it belong to", question):
                kept[answer] += 1
                assert (answer == "yes") == (state.hero is end.a), question
    assert min(kept.values()) > 30
