"""Losses of heads: against their formulas, written out for single examples."""

import math

import pytest
import torch

from gpt_toolkit.losses import class_loss, expected_grade, grade_loss, with_auxiliary_loss

LOGITS = torch.tensor([[0.5, -1.0, 2.0], [0.0, 1.0, 0.25]])


def log_probabilities(row: int) -> list[float]:
    values = LOGITS[row].tolist()
    total = math.log(sum(math.exp(value) for value in values))
    return [value - total for value in values]


def test_the_loss_of_a_class_is_its_negative_log_likelihood() -> None:
    expected = -log_probabilities(0)[2] - log_probabilities(1)[0]
    assert float(class_loss(LOGITS, torch.tensor([2, 0]))) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("levels", "grades", "fractions"),
    [
        ((0.0, 1.0, 2.0), (0.75, 2.0), ((0.25, 0.75, 0.0), (0.0, 0.0, 1.0))),
        ((-1.0, 0.0, 1.0), (-1.0, 0.25), ((1.0, 0.0, 0.0), (0.0, 0.75, 0.25))),
        ((1.0, 2.0, 6.0), (1.5, 5.0), ((0.5, 0.5, 0.0), (0.0, 0.25, 0.75))),
    ],
)
def test_a_grade_is_divided_between_its_two_nearest_levels_wherever_the_scale_begins(
    levels: tuple[float, ...], grades: tuple[float, ...], fractions: tuple[tuple[float, ...], ...]
) -> None:
    expected = -sum(
        fraction * log_p
        for row in (0, 1)
        for fraction, log_p in zip(fractions[row], log_probabilities(row), strict=True)
    )
    found = grade_loss(LOGITS, torch.tensor(grades), torch.tensor(levels))
    assert float(found) == pytest.approx(expected, rel=1e-6)


def test_a_grade_in_half_precision_is_compared_with_the_levels() -> None:
    grades, levels = torch.tensor([0.5, 2.0]), torch.tensor((0.0, 1.0, 2.0))
    torch.testing.assert_close(
        grade_loss(LOGITS, grades.bfloat16(), levels), grade_loss(LOGITS, grades, levels)
    )


def test_the_expected_grade_is_the_mean_of_the_levels() -> None:
    levels = (-1.0, 0.0, 2.0)
    expected = [
        sum(math.exp(log_p) * level for log_p, level in zip(log_probabilities(row), levels, strict=True))
        for row in (0, 1)
    ]
    assert expected_grade(LOGITS, torch.tensor(levels)).tolist() == pytest.approx(expected, rel=1e-6)


def test_the_auxiliary_loss_is_added_with_its_weight() -> None:
    assert float(with_auxiliary_loss(torch.tensor(3.0), torch.tensor(4.0), 0.5)) == 5.0
