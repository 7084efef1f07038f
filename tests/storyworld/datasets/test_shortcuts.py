"""Shortcuts: scores of small word classifiers and rules of thumb, compared with their limits.

The classifiers learn from 3,000 rows and are tested on 1,500 of the validation split. Ceilings leave room for
chance: 1,500 rows give a standard error of 1.3 points of accuracy, 0.026 of correlation.
"""

import re
from collections.abc import Callable
from functools import cache

import pytest

from gpt_toolkit.storyworld.datasets import LabeledExample
from tests.storyworld.datasets.baselines import (
    WordClassifier,
    accuracy,
    bag,
    difference,
    matthews,
    pearson,
    words,
)
from tests.storyworld.datasets.reader import NAME
from tests.storyworld.datasets.reader import rows as drawn

LEARNED, TESTED = 3000, 1500


@cache
def rows(task: str, split: str) -> list[LabeledExample]:
    return list(drawn(task, split, LEARNED if split == "train" else TESTED, seed=21))


def learned(
    task: str, naive: bool, features: Callable[[tuple[str, ...]], list[str]] = bag
) -> tuple[WordClassifier, list[int]]:
    """Train a word classifier on a task's examples; return it with the targets of the test examples."""
    classifier = WordClassifier(
        [row.texts for row in rows(task, "train")],
        [int(row.target) for row in rows(task, "train")],
        features,
        naive,
    )
    return classifier, [int(row.target) for row in rows(task, "validation")]


def first(texts: tuple[str, ...]) -> list[str]:
    return bag(texts[:1])


def second(texts: tuple[str, ...]) -> list[str]:
    return bag(texts[1:])


def length(texts: tuple[str, ...]) -> list[str]:
    return [f"{place}:{len(words(text))}" for place, text in enumerate(texts)]


def overlap(texts: tuple[str, ...]) -> list[str]:
    """Return how many words the texts share, in ten steps."""
    one, two = (set(words(text)) for text in texts)
    return [str(10 * len(one & two) // len(two)), str(len(one & two))]


@pytest.mark.parametrize("naive", [False, True], ids=["logistic", "naive"])
@pytest.mark.parametrize("features", [bag, length])
def test_words_and_length_do_not_tell_acceptability(
    features: Callable[[tuple[str, ...]], list[str]], naive: bool
) -> None:
    # 0.15: the choices of a construction are balanced one by one, only pairs of words that do not fit tell;
    # the three of ten that look worst are called unacceptable, as always answering "acceptable" has no
    # correlation
    classifier, targets = learned("acceptability", naive, features)
    scores = classifier.scores([row.texts for row in rows("acceptability", "validation")])
    worse = scores[:, 0] - scores[:, 1]
    limit = sorted(worse)[int(0.7 * len(worse))]
    assert abs(matthews([int(value <= limit) for value in worse], targets)) <= 0.15


@pytest.mark.parametrize(
    ("task", "features", "naive", "ceiling"),
    [
        # an adjective means what it says in 64% of the rows, and often next to another one
        ("sentiment", bag, False, 0.62),
        ("sentiment", bag, True, 0.62),
        ("sentiment", length, True, 0.54),
        # chance is 0.333; premise and hypothesis are drawn before the label, all words of the latter from the
        # former
        ("entailment", bag, False, 0.39),
        ("entailment", bag, True, 0.39),
        ("entailment", difference, True, 0.39),
        ("entailment", first, True, 0.38),
        ("entailment", second, True, 0.38),
        ("entailment", overlap, True, 0.39),
        ("entailment", length, True, 0.38),
        # wordings are drawn before it is known whether the two agree; a gift is a little more like a gift
        # than a sale
        ("paraphrase", bag, False, 0.55),
        ("paraphrase", bag, True, 0.55),
        ("paraphrase", difference, False, 0.59),
        ("paraphrase", difference, True, 0.59),
        ("paraphrase", first, True, 0.54),
        ("paraphrase", second, True, 0.54),
        ("paraphrase", overlap, True, 0.57),
        ("paraphrase", length, True, 0.55),
    ],
)
def test_words_do_not_tell_the_class(
    task: str, features: Callable[[tuple[str, ...]], list[str]], naive: bool, ceiling: float
) -> None:
    classifier, targets = learned(task, naive, features)
    assert accuracy(classifier.predict([row.texts for row in rows(task, "validation")]), targets) <= ceiling


@pytest.mark.parametrize(
    ("task", "majority"),
    [("sentiment", 0.54), ("entailment", 0.37), ("paraphrase", 0.54), ("reading", 0.29), ("endings", 0.54)],
)
def test_the_most_frequent_answer_is_no_better_than_chance(task: str, majority: float) -> None:
    targets = [row.target for row in rows(task, "validation")]
    assert max(targets.count(target) for target in set(targets)) / len(targets) <= majority


def test_shared_words_are_less_than_half_of_similarity() -> None:
    # 0.5: parts that agree have the same words three times of four, as in STS-B, where words alone
    # reach 0.6
    pairs = [(set(words(a)), set(words(b))) for (a, b), _, _ in rows("similarity", "train")]
    grades = [float(row.target) for row in rows("similarity", "train")]
    assert 0.2 < pearson([len(a & b) / len(a | b) for a, b in pairs], grades) <= 0.5
    assert pearson([float(len(a & b)) for a, b in pairs], grades) <= 0.5
    assert abs(pearson([float(abs(len(a) - len(b))) for a, b in pairs], grades)) <= 0.15


@pytest.mark.parametrize("features", [first, second])
def test_one_sentence_of_a_pair_says_nothing_of_their_similarity(
    features: Callable[[tuple[str, ...]], list[str]],
) -> None:
    classifier, targets = learned("similarity", True, features)
    assert (
        accuracy(classifier.predict([row.texts for row in rows("similarity", "validation")]), targets) <= 0.21
    )


def sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.!?]) ", text)


@pytest.mark.parametrize(
    ("task", "last_sentence", "naive", "ceiling"),
    [
        # chance and four standard errors: every answer is right as often as it is wrong elsewhere
        ("reading", False, True, 0.30),
        ("reading", True, True, 0.30),
        ("endings", False, False, 0.55),
        ("endings", False, True, 0.55),
        ("endings", True, True, 0.55),
    ],
)
def test_an_answer_alone_or_with_the_last_sentence_does_not_show_whether_it_is_right(
    task: str, last_sentence: bool, naive: bool, ceiling: float
) -> None:
    def candidates(row: LabeledExample) -> list[tuple[str, str]]:
        return [(sentences(row.texts[0])[-1] if last_sentence else "", answer) for answer in row.texts[2:]]

    classifier = WordClassifier(
        [pair for row in rows(task, "train") for pair in candidates(row)],
        [int(place == row.target) for row in rows(task, "train") for place in range(len(row.texts) - 2)],
        bag,
        naive,
    )
    tested = rows(task, "validation")
    scores = classifier.scores([pair for row in tested for pair in candidates(row)])
    best = (scores[:, 1] - scores[:, 0]).reshape(len(tested), -1).argmax(1)
    assert accuracy([int(place) for place in best], [int(row.target) for row in tested]) <= ceiling


def named(answer: str) -> str:
    """Return what an answer is about, as in the passage; the last name of an ending."""
    people = re.findall(rf"\b{NAME}\b", answer)
    return people[-1] if people else answer.removeprefix("the ").split(" the ")[-1]


def window(passage: str, question: str, answer: str) -> int:
    """Return the largest number of words that question and answer share with one sentence."""
    asked = set(words(question)) | set(words(answer))
    return max(len(asked & set(words(text))) for text in sentences(passage))


RULES: dict[str, Callable[[str, str, str], float]] = {
    "named last": lambda passage, question, answer: passage.rfind(named(answer)),
    "named first": lambda passage, question, answer: -passage.find(named(answer)),
    "named most": lambda passage, question, answer: passage.count(named(answer)),
    "named least": lambda passage, question, answer: -passage.count(named(answer)),
    "longest": lambda passage, question, answer: len(answer),
    "shortest": lambda passage, question, answer: -len(answer),
    "most words of the passage": lambda passage, question, answer: len(
        set(words(passage)) & set(words(answer))
    ),
    "window": window,
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("task", "ceiling", "special"),
    [
        # who got a thing last is mostly named late; half of the questions ask what one sentence of the
        # passage says
        ("reading", 0.30, {"named last": 0.37, "window": 0.63}),
        # an ending that repeats the words of a true sentence is a little more often the right one
        ("endings", 0.56, {"window": 0.63}),
    ],
)
def test_rules_of_thumb_do_not_find_the_answer(
    task: str, ceiling: float, special: dict[str, float], rule: str
) -> None:
    right = 0
    for (passage, question, *answers), target, _ in rows(task, "validation"):
        scores = [RULES[rule](passage, question, answer) for answer in answers]
        right += scores.index(max(scores)) == target
    assert right / TESTED <= special.get(rule, ceiling)
