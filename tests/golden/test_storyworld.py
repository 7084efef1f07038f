"""Storyworld generates the recorded texts, examples and words, byte for byte."""

import pytest

from tests.golden.record_texts import Values, read, storyworld_values

RECORDED = read("storyworld")


@pytest.fixture(scope="module")
def drawn() -> Values:
    return storyworld_values()


def test_the_values_are_of_the_same_parts(drawn: Values) -> None:
    assert drawn.keys() == RECORDED.keys()


@pytest.mark.parametrize("part", RECORDED)
def test_a_part_of_the_world_is_as_recorded(part: str, drawn: Values) -> None:
    assert drawn[part] == RECORDED[part]
