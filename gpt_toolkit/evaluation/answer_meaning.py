"""Meaning of the right answers of a custom benchmark: text, index, number or letter of a choice.

A whole file has one meaning. It is given by ``answer_is``, or it is the only one that fits every record.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from gpt_toolkit.evaluation.record_template import as_text

LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

_ENOUGH = 10  # answers without a zero after which a user is warned; tuned here


class GivenAnswer(NamedTuple):
    """The choices of a record and its answer as it is in the file.

    Attributes:
        where: File and line, for error messages.
        options: Choices, all different.
        answer: Value in the file; not missing.
    """

    where: str
    options: tuple[str, ...]
    answer: Any


Locate = Callable[[Any, Sequence[str]], int]
"""Function of answer and choices that returns the index of the right choice; -1 if it is none."""


def _by_text(answer: Any, options: Sequence[str]) -> int:
    texts, wanted = [option.strip() for option in options], as_text(answer).strip()
    if isinstance(answer, bool):
        texts = [text.lower() for text in texts]
    return texts.index(wanted) if wanted in texts else -1


def _whole_number(answer: Any) -> int:
    """Return an answer as an integer; -1 if it is none."""
    if isinstance(answer, str):
        answer = answer.strip()
        return int(answer) if answer.isdecimal() else -1
    return int(answer) if _is_number(answer) and answer % 1 == 0 else -1


def _by_index(answer: Any, options: Sequence[str]) -> int:
    number = _whole_number(answer)
    return number if 0 <= number < len(options) else -1


def _by_number(answer: Any, options: Sequence[str]) -> int:
    number = _whole_number(answer)
    return number - 1 if 1 <= number <= len(options) else -1


def _by_letter(answer: Any, options: Sequence[str]) -> int:
    letter = answer.strip().upper() if isinstance(answer, str) else ""
    return LETTERS.index(letter) if len(letter) == 1 and letter in LETTERS[: len(options)] else -1


MEANINGS: Final[Mapping[str, Locate]] = MappingProxyType(
    {"text": _by_text, "index": _by_index, "number": _by_number, "letter": _by_letter}
)
"""Functions by the values of ``answer_is``; an index counts from 0, a number from 1."""

_NAMES: Final = {"text": "text", "index": "index from 0", "number": "number from 1", "letter": "letter"}


def right_choices(given: Sequence[GivenAnswer], answer_is: str) -> tuple[list[int], str, list[str]]:
    """Return the index of each right choice, the meaning of the answers, and warnings.

    Args:
        given: Choices and answers; at least one.
        answer_is: Meaning in :data:`MEANINGS`; "": the one that fits. An integer of JSON is an index.

    Raises:
        ValueError: If no meaning fits all answers, or several do and differ.
    """
    meanings = [answer_is] if answer_is else ["text", "index", "letter"]
    if not answer_is and any(_is_number(one.answer) for one in given):
        meanings = ["index"]
    found = {name: [MEANINGS[name](q.answer, q.options) for q in given] for name in meanings}
    fitting = {name: places for name, places in found.items() if -1 not in places}
    if not fitting:
        raise ValueError(_unknown(given, found))
    for number, one in enumerate(given):
        if len({places[number] for places in fitting.values()}) > 1:
            raise ValueError(_ambiguous(one, {name: places[number] for name, places in fitting.items()}))
    name, places = next(iter(fitting.items()))
    warnings = []
    if name == "index" and not answer_is and len(given) >= _ENOUGH and 0 not in places:
        warnings.append("no answer is index 0; if they count from 1, set answer_is: number")
    return places, _NAMES[name], warnings


def _is_number(answer: Any) -> bool:
    return isinstance(answer, (int, float)) and not isinstance(answer, bool)


def _unknown(given: Sequence[GivenAnswer], found: Mapping[str, Sequence[int]]) -> str:
    """Return the message about the first answer that the most fitting meaning does not fit."""
    name = min(found, key=lambda each: found[each].count(-1))
    one = given[found[name].index(-1)]
    last = len(one.options) - 1
    expected = {
        "text": f"one of the choices {list(one.options)}",
        "index": f"an index from 0 to {last}",
        "number": f"a number from 1 to {last + 1}",
        "letter": f"a letter from A to {LETTERS[min(last, 25)]}",
    }
    alternatives = ", ".join(expected[each] for each in found)
    others = len(given) - found[name].count(-1)
    if len(found) > 1 and others:
        alternatives = f"{expected[name]}, as {others:,} other answers are"
    advice = "correct the record"
    if name == "index" and _whole_number(one.answer) == last + 1:
        advice = "if answers count from 1, set answer_is: number"
    elif name == "index" and as_text(one.answer) in one.options:
        advice = "if answers are texts of choices, set answer_is: text"
    return f"{one.where}: answer: {one.answer!r}; expected {alternatives}; {advice}"


def _ambiguous(one: GivenAnswer, places: Mapping[str, int]) -> str:
    ways = " and ".join(f"choice {place} by its {_NAMES[name]}" for name, place in places.items())
    return (
        f"{one.where}: answer: {one.answer!r} is {ways}; choices from 0: {list(one.options)}; "
        f"expected one meaning; set answer_is to {' or '.join(places)}"
    )
