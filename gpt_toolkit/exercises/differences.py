"""Differences between a result and the expected one, in words."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

TOLERANCE = 1e-5
"""Largest accepted difference of two numbers, relative to the expected one where that is above 1. Fp32 has a
relative precision of 1e-7; a decoder's sums lose two digits."""


class Difference(NamedTuple):
    """A difference.

    Attributes:
        text: What was returned and what was expected.
        is_of_form: True if type or shape differ, so that the values cannot be compared.
    """

    text: str
    is_of_form: bool


def difference(given: Any, expected: Any, place: str = "") -> Difference | None:
    """Return the first difference between two results; None if they agree.

    Numbers and tensors of one element are interchangeable, and so are lists and tuples.

    Args:
        given: Result of the learner.
        expected: Result of the toolkit: a tensor, number, string or bytes, or a list or tuple of these.
        place: Place of both in a list, for the text.
    """
    if isinstance(expected, list | tuple):
        return _sequence_difference(given, expected, place)
    if isinstance(expected, Tensor) or (
        isinstance(given, Tensor) and isinstance(expected, bool | int | float)
    ):
        return _tensor_difference(given, torch.as_tensor(expected), place)
    if isinstance(expected, float) and isinstance(given, int | float) and not isinstance(given, bool):
        agrees = abs(given - expected) <= TOLERANCE * max(1.0, abs(expected))
        if agrees or given == expected or (math.isnan(given) and math.isnan(expected)):
            return None
        return Difference(f"{given:.6g}{place}; expected {expected:.6g}", is_of_form=False)
    if type(given) is not type(expected):
        return _form(given, expected, place)
    return (
        None
        if given == expected
        else Difference(f"{given!r}{place}; expected {expected!r}", is_of_form=False)
    )


def _sequence_difference(given: Any, expected: list[Any] | tuple[Any, ...], place: str) -> Difference | None:
    if not isinstance(given, list | tuple) or len(given) != len(expected):
        return _form(given, expected, place)
    found = [difference(a, b, f"{place} [{i}]") for i, (a, b) in enumerate(zip(given, expected, strict=True))]
    found.sort(key=lambda one: one is None or not one.is_of_form)
    return next((one for one in found if one is not None), None)


def _tensor_difference(given: Any, expected: Tensor, place: str) -> Difference | None:
    if isinstance(given, bool | int | float) and expected.ndim == 0:
        given = torch.tensor(given)
    if not isinstance(given, Tensor) or given.shape != expected.shape or _kind(given) != _kind(expected):
        return _form(given, expected, place)
    a, b = given.detach().double(), expected.detach().double()
    wrong = ~torch.isclose(a, b, rtol=0.0, atol=0.0, equal_nan=True)
    wrong &= ~((a - b).abs() <= TOLERANCE * b.abs().clamp_min(1.0))
    if not bool(wrong.any()):
        return None
    index = tuple(wrong.nonzero()[0].tolist())
    at = f" at {list(index)}" if index else ""
    values = [
        f"{value[index].item():.6g}" if _kind(expected) else str(bool(value[index])) for value in (a, b)
    ]
    return Difference(f"{values[0]}{place}{at}; expected {values[1]}", is_of_form=False)


def _kind(tensor: Tensor) -> str:
    """Return ``number``, or "" for bool."""
    return "" if tensor.dtype == torch.bool else "number"


def _form(given: Any, expected: Any, place: str) -> Difference:
    return Difference(f"{_described(given)}{place}; expected {_described(expected)}", is_of_form=True)


def _described(value: Any) -> str:
    """Return type and shape of a result in words."""
    if value is None:
        return "nothing (None)"
    if isinstance(value, Tensor):
        kind = str(value.dtype).removeprefix("torch.")
        return f"a {kind} tensor of shape {tuple(value.shape)}" if value.ndim else f"a {kind} scalar"
    if isinstance(value, list | tuple):
        return f"{type(value).__name__} of {len(value)}"
    return f"{type(value).__name__} {value!r}"[:60]
