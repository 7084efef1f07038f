"""The public names have the recorded signatures and members."""

import pytest

import gpt_toolkit
from tests.golden.record_texts import public_value, read

RECORDED = read("public_names")


def test_the_package_offers_the_recorded_names() -> None:
    assert sorted(gpt_toolkit.__all__) == list(RECORDED)


@pytest.mark.parametrize("name", RECORDED)
def test_a_public_name_has_the_recorded_signature(name: str) -> None:
    assert public_value(name) == RECORDED[name]
