"""Every verb has the recorded options with the recorded help."""

import pytest

from tests.golden.record_texts import Values, command_line_values, read

RECORDED = read("command_line")


@pytest.fixture(scope="module")
def offered() -> Values:
    return command_line_values()


def test_the_toolkit_lists_the_recorded_verbs(offered: Values) -> None:
    assert offered["toolkit"] == RECORDED["toolkit"]
    assert offered["verbs"].keys() == RECORDED["verbs"].keys()


@pytest.mark.parametrize("verb", RECORDED["verbs"])
def test_a_verb_has_the_recorded_options(verb: str, offered: Values) -> None:
    assert offered["verbs"][verb] == RECORDED["verbs"][verb]


def test_configs_can_name_the_recorded_classes(offered: Values) -> None:
    assert offered["classes"].keys() == RECORDED["classes"].keys()


@pytest.mark.parametrize("name", RECORDED["classes"])
def test_a_class_has_the_recorded_arguments(name: str, offered: Values) -> None:
    assert offered["classes"][name] == RECORDED["classes"][name]
