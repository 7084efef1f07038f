import pytest

from gpt_toolkit.data.supervised.label_maps import (
    NO_GOLD,
    as_text,
    choice_targets,
    class_targets,
    grade_targets,
)


@pytest.mark.parametrize(
    ("label", "text"), [(1, "1"), (1.0, "1"), (" 1 ", "1"), (True, "true"), (0.5, "0.5"), ("yes", "yes")]
)
def test_a_label_is_the_same_from_every_format(label: object, text: str) -> None:
    assert as_text(label) == text


def test_a_class_is_known_by_name_and_by_index() -> None:
    targets = class_targets(("no", "yes"), also={"yea": 1})
    assert [targets.of(label, "here", unlabelled=False) for label in ("no", "yes", "yea", "0", 1, 1.0)] == [
        *(0, 1, 1, 0, 1, 1)
    ]


def test_classes_that_are_numbers_stand_for_themselves() -> None:
    targets = class_targets(("1", "2"))
    assert targets.of("1", "here", unlabelled=False) == 0
    with pytest.raises(ValueError, match=r"here: label '0' is not one of the set's, expected 1, 2"):
        targets.of("0", "here", unlabelled=False)


def test_choices_are_letters_and_numbers() -> None:
    assert [choice_targets(4).of(label, "here", unlabelled=False) for label in ("A", "D", 0, 3)] == [
        0,
        3,
        0,
        3,
    ]
    assert choice_targets(2, first=1).of("2", "here", unlabelled=False) == 1
    with pytest.raises(ValueError, match="expected 1 to 2, or A to B"):
        choice_targets(2, first=1).of("0", "here", unlabelled=False)


@pytest.mark.parametrize("label", ["-0.1", "5.01", "nan", "inf", "five", ""])
def test_a_grade_outside_its_levels_is_refused(label: str) -> None:
    assert grade_targets(0, 5).of("2.5", "here", unlabelled=False) == 2.5
    with pytest.raises(ValueError, match="expected a number from 0 to 5"):
        grade_targets(0, 5).of(label, "here", unlabelled=False)


def test_only_test_rows_may_lack_a_label() -> None:
    for label in (None, -1, "-1", -1.0):
        assert class_targets(("a", "b")).of(label, "here", unlabelled=True) is None
        with pytest.raises(ValueError, match="here"):
            class_targets(("a", "b")).of(label, "here", unlabelled=False)


def test_rows_without_gold_are_told_from_others() -> None:
    targets = class_targets(("a", "b"), without=NO_GOLD)
    assert [targets.has_no_gold(label) for label in ("-", -1, "a", 0)] == [True, True, False, False]
    assert not class_targets(("a", "b")).has_no_gold("-")
