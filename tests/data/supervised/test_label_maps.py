import pytest

from gpt_toolkit.data.supervised.label_maps import (
    LabelMap,
    choice_labels,
    class_labels,
    grade_labels,
    label_text,
)


def target(labels: LabelMap, label: object, *, may_be_missing: bool = False) -> float | None:
    return labels.target(label, "here", may_be_missing=may_be_missing)


@pytest.mark.parametrize(
    ("label", "text"), [(1, "1"), (1.0, "1"), (" 1 ", "1"), (True, "true"), (0.5, "0.5"), ("yes", "yes")]
)
def test_a_label_is_the_same_from_every_format(label: object, text: str) -> None:
    assert label_text(label) == text


def test_a_class_is_known_by_name_and_by_index() -> None:
    labels = class_labels(("no", "yes"), also={"yea": 1})
    assert [target(labels, label) for label in ("no", "yes", "yea", "0", 1, 1.0)] == [0, 1, 1, 0, 1, 1]


def test_classes_that_are_numbers_are_not_indices() -> None:
    labels = class_labels(("1", "2"))
    assert target(labels, "1") == 0
    with pytest.raises(ValueError, match=r"here: label '0' is not one of the dataset's, expected 1, 2"):
        target(labels, "0")


def test_choices_are_letters_and_numbers() -> None:
    assert [target(choice_labels(4), label) for label in ("A", "D", 0, 3)] == [0, 3, 0, 3]
    assert target(choice_labels(2, first=1), "2") == 1
    with pytest.raises(ValueError, match="expected 1 to 2, or A to B"):
        target(choice_labels(2, first=1), "0")


@pytest.mark.parametrize("label", ["-0.1", "5.01", "nan", "inf", "five", ""])
def test_a_grade_outside_its_levels_is_refused(label: str) -> None:
    assert target(grade_labels(0, 5), "2.5") == 2.5
    with pytest.raises(ValueError, match="expected a number from 0 to 5"):
        target(grade_labels(0, 5), label)


@pytest.mark.parametrize("label", [None, -1, "-1", -1.0])
def test_only_test_examples_may_lack_a_label(label: object) -> None:
    assert target(class_labels(("a", "b")), label, may_be_missing=True) is None
    with pytest.raises(ValueError, match="here"):
        target(class_labels(("a", "b")), label)


def test_examples_without_gold_are_told_from_others() -> None:
    labels = class_labels(("a", "b"), no_gold=frozenset({"-", "-1"}))
    assert [labels.has_no_gold(label) for label in ("-", -1, "a", 0, None)] == [True, True, *[False] * 3]
    assert not class_labels(("a", "b")).has_no_gold("-")
