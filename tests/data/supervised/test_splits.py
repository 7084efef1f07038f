from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest

from gpt_toolkit.data.supervised.dataset import Source
from gpt_toolkit.data.supervised.record_readers import Fault, refuse
from gpt_toolkit.data.supervised.schemas import Raw
from gpt_toolkit.data.supervised.splits import held_rows, story_cloze, tenth


@dataclass(frozen=True)
class Rows:
    """Rows that are at hand."""

    all: Sequence[Raw]
    title: str = "rows"

    def identity(self) -> object:
        return [list(raw.texts) for raw in self.all]

    def rows(self, fault: Fault) -> Iterator[Raw]:
        return iter(self.all)


def raws(n: int) -> list[Raw]:
    return [Raw((f"document {i // 4}", f"question {i}"), 0, f"row {i}") for i in range(n)]


def texts(source: Source) -> list[tuple[str, ...]]:
    return [raw.texts for raw in source.rows(refuse)]


def test_about_a_tenth_is_held_out_whatever_the_order() -> None:
    rows = raws(2_000)
    divided = tenth(Rows(rows), by_first=False)
    train, val = texts(divided["train"]), texts(divided["val"])
    assert 160 < len(val) < 240
    assert sorted(train + val) == sorted(raw.texts for raw in rows)
    turned = tenth(Rows(rows[::-1]), by_first=False)
    assert texts(turned["val"]) == val[::-1]


def test_rows_with_the_same_first_text_stay_together() -> None:
    divided = tenth(Rows(raws(2_000)), by_first=True)
    train, val = ({first for first, _ in texts(divided[split])} for split in ("train", "val"))
    assert val
    assert not train & val


def test_both_sides_and_both_rules_have_their_own_identity() -> None:
    sources = [
        tenth(Rows(raws(9)), by_first=first)[split] for first in (True, False) for split in ("train", "val")
    ]
    assert len({repr(source.identity()) for source in sources}) == 4


def test_the_released_codes_division_is_that_of_its_seed() -> None:
    # numpy.random.RandomState(3535999445).permutation(1871)[:374], as scikit-learn's ShuffleSplit takes it
    held = held_rows(1_871)
    assert held[:5] == [1058, 198, 1174, 806, 127]
    assert (len(held), len(set(held)), sum(held)) == (374, 374, 348_664)
    divided = story_cloze(Rows(raws(1_871)))
    assert texts(divided["val"]) == [raw.texts for i, raw in enumerate(raws(1_871)) if i in set(held)]
    assert len(texts(divided["train"])) == 1_497


@pytest.mark.parametrize("n", [1_571, 10, 5])
def test_other_releases_are_divided_in_the_same_ratio(n: int) -> None:
    assert len(held_rows(n)) == round(n / 5)
