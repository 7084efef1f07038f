from dataclasses import replace
from random import Random

import pytest

from gpt_toolkit.data.supervised.label_maps import (
    LabelMap,
    choice_labels,
    class_labels,
    grade_labels,
    label_text,
)
from tests.data.fakes import spec


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
    with pytest.raises(ValueError, match=r"here: label '0'; expected 1, 2; if it is the name of a column"):
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


@pytest.mark.parametrize("label", [None, "", "  "])
def test_only_test_examples_may_lack_a_label(label: object) -> None:
    assert target(class_labels(("a", "b")), label, may_be_missing=True) is None
    with pytest.raises(ValueError, match="here: no label; expected a, b; only test files may lack labels"):
        target(class_labels(("a", "b")), label)


@pytest.mark.parametrize("label", [-1, "-1", -1.0])
def test_minus_one_is_a_label_unless_the_dataset_uses_it_for_labels_that_are_not_public(
    label: object,
) -> None:
    assert target(class_labels(("-1", "0", "1")), label, may_be_missing=True) == 0
    assert target(grade_labels(-1, 1), label, may_be_missing=True) == -1.0
    with pytest.raises(ValueError, match="here: label '-1'; expected a, b"):
        target(class_labels(("a", "b")), label, may_be_missing=True)
    published = replace(class_labels(("a", "b")), not_public=frozenset({"-1"}))
    assert target(published, label, may_be_missing=True) is None
    with pytest.raises(ValueError, match="here: label '-1'"):
        target(published, label)


def test_the_labels_of_a_file_are_the_outputs_of_a_head_by_name() -> None:
    head = spec("mood", labels=("anger", "joy", "sadness"))
    ours = class_labels(("joy", "sadness", "surprise")).of_head(("joy", "sadness", "surprise"), head)
    assert [target(ours, label) for label in ("joy", "sadness", "0", "1")] == [1, 2, 1, 2]
    expected = r"label 'surprise'; expected anger, joy, sadness; the head of mood has not learned it"
    with pytest.raises(ValueError, match=expected):
        target(ours, "surprise")
    grades = grade_labels(0, 1).of_head(("0", "1"), spec("g", "graded", labels=("-1", "0", "1", "2")))
    assert [target(grades, label) for label in ("-0.5", "2")] == [-0.5, 2.0]


def test_any_order_and_subset_of_names_means_the_same_outputs() -> None:
    random, words = Random(0), ["-1", "0", "1", "no", "yes", "None", "nan", "neutral", "é", "a b", "True"]
    for _ in range(300):
        names = random.sample(words, random.randint(2, 6))
        head = spec("h", labels=tuple(map(str, map(label_text, names))))
        ours = random.sample(head.labels, random.randint(1, len(head.labels)))
        found = class_labels(ours, by_index=False).of_head(ours, head)
        for label in words:
            name = label_text(label)
            if name in ours:
                assert target(found, label) == head.labels.index(name)
            else:
                with pytest.raises(ValueError, match="has not learned it"):
                    target(found, label)


def test_classes_without_index_are_known_by_name_alone() -> None:
    with pytest.raises(ValueError, match="label '0'; expected no, yes"):
        target(class_labels(("no", "yes"), by_index=False), "0")


def test_examples_without_gold_are_told_from_others() -> None:
    labels = replace(class_labels(("a", "b")), no_gold=frozenset({"-", "-1"}))
    assert [labels.has_no_gold(label) for label in ("-", -1, "a", 0, None)] == [True, True, *[False] * 3]
    assert not class_labels(("a", "b")).has_no_gold("-")
