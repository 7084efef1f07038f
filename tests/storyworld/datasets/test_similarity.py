"""Graded similarity, with both sentences read back to the five parts of their event."""

import re
from collections import Counter

import pytest

from tests.storyworld.datasets.reader import NAME_OF, any_of, fill, rows, uncapitalized
from tests.storyworld.datasets.test_paraphrase import TIME, TIMES

WHERE = any_of([where for where in NAME_OF if not where.startswith(("to ", "the "))])
GIFTS = [
    re.compile(fill(pattern + " (?P<place>WHERE)", WHERE=WHERE))
    for pattern in (
        "(?P<giver>NAME) (?:gave|handed) (?P<thing>THING) to (?P<taker>NAME)",
        "(?P<giver>NAME) handed (?P<taker>NAME) (?P<thing>THING)",
        "(?P<taker>NAME) received (?P<thing>THING) from (?P<giver>NAME)",
        "(?P<taker>NAME) was given (?P<thing>THING) by (?P<giver>NAME)",
        "(?P<giver>NAME) let (?P<taker>NAME) have (?P<thing>THING)",
    )
]


def parts(text: str) -> dict[str, str | int]:
    """Who gave, who received, what, where and when."""
    clause = uncapitalized(text).split(", while ")[0]
    found = re.search(rf"^({TIME}), | ({TIME})$", clause)
    assert found, text
    clause = clause[: found.start()] + clause[found.end() :]
    read = next(match.groupdict() for pattern in GIFTS if (match := pattern.fullmatch(clause)))
    return read | {"place": NAME_OF[read["place"]], "time": TIMES[found.group(1) or found.group(2)]}


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_grade_is_the_number_of_parts_that_agree(split: str) -> None:
    for texts, target, _ in rows("similarity", split, 2000):
        first, second = map(parts, texts)
        assert sum(first[part] == second[part] for part in first) == target, texts


def test_all_grades_are_equally_frequent() -> None:
    counts = Counter(row.target for row in rows("similarity", count=6000))
    assert sorted(counts) == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert all(880 < count < 1120 for count in counts.values())
