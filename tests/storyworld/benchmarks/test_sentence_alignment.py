"""Long stories, and stories aligned with their events."""

import re
from itertools import pairwise
from random import Random

import pytest

from gpt_toolkit.storyworld.benchmarks.sentence_alignment import (
    CHAPTER,
    join,
    mentions,
    simulate_chapters,
    split_sentences,
    tell_aligned,
)
from gpt_toolkit.storyworld.narrator import tell
from gpt_toolkit.storyworld.plots import simulate
from gpt_toolkit.storyworld.realize import count_sentences
from tests.storyworld.texts import splits_of_pairs


def test_told_events_joined_are_the_story() -> None:
    equal = 0
    for seed in range(300):
        text = tell(simulate(Random(seed), "train"))
        joined = join(tell_aligned(simulate(Random(seed), "train")))
        equal += text == joined
        assert text == joined or count_sentences(joined) > 20
    assert equal > 200


def test_sentences_joined_are_the_text_and_no_quotation_is_cut() -> None:
    for seed in range(200):
        for part in tell_aligned(simulate(Random(seed), "train")):
            sentences = split_sentences(part.text)
            assert " ".join(sentences) == part.text
            assert all(sentence.count('"') % 2 == 0 for sentence in sentences)


def test_mentions_are_whole_words_in_order() -> None:
    assert mentions('Leonie met Leo. "Leo\'s kite!"', {"Leo", "kite"}) == ["Leo", "Leo", "kite"]


def test_a_long_story_has_its_chapters_with_one_hero() -> None:
    for seed in range(200):
        story = simulate_chapters(Random(seed), "test", 3)
        chapters = [number for number, event in enumerate(story.log) if event.kind == CHAPTER]
        assert len(chapters) == 2
        assert sum(event.kind in ("hero_child", "hero_adult") for event in story.log) == 1
        assert sum(event.kind == "setting" for event in story.log) == 1
        for first, last in pairwise((0, *chapters, len(story.log))):
            assert any(story.hero in (event.a, event.b) for event in story.log[first:last])


def test_no_chapter_starts_with_a_pronoun() -> None:
    for seed in range(200):
        told = tell_aligned(simulate_chapters(Random(seed), "test", 3))
        for before, after in pairwise(told):
            if before.event.kind == CHAPTER:
                assert not re.match(r"(?:He|She|His|Her)\b", after.text), after.text


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_nobody_in_a_long_story_meets_a_thing_of_a_split_that_is_not_to_be_seen(split: str) -> None:
    for seed in range(200):
        text = join(tell_aligned(simulate_chapters(Random(seed), split, 3)))
        splits = splits_of_pairs(text)
        assert splits <= {"train", split}
        assert split in splits
