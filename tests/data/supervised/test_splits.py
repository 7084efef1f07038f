from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest

from gpt_toolkit.data.supervised.dataset import (
    STORY_CLOZE,
    TENTH_BY_DOCUMENT,
    TENTH_BY_TEXTS,
    Example,
    Source,
    divide,
    story_cloze_rows,
)
from gpt_toolkit.records import OnBadRecord, raise_error


@dataclass(frozen=True)
class Examples:
    """A source of examples in memory."""

    all: Sequence[Example]
    title: str = "examples"

    def identity(self) -> object:
        return [list(example.texts) for example in self.all]

    def examples(self, on_bad_record: OnBadRecord) -> Iterator[Example]:
        return iter(self.all)


def examples(n: int) -> list[Example]:
    return [Example((f"document {i // 4}", f"question {i}"), 0) for i in range(n)]


def texts(source: Source) -> list[tuple[str, ...]]:
    return [example.texts for example in source.examples(raise_error)]


def test_about_a_tenth_is_held_out_whatever_the_order() -> None:
    found = examples(2_000)
    divided = divide(Examples(found), TENTH_BY_TEXTS)
    train, val = texts(divided["train"]), texts(divided["val"])
    assert 160 < len(val) < 240
    assert sorted(train + val) == sorted(example.texts for example in found)
    turned = divide(Examples(found[::-1]), TENTH_BY_TEXTS)
    assert texts(turned["val"]) == val[::-1]


def test_examples_with_the_same_first_text_stay_together() -> None:
    divided = divide(Examples(examples(2_000)), TENTH_BY_DOCUMENT)
    train, val = ({first for first, _ in texts(divided[split])} for split in ("train", "val"))
    assert val
    assert not train & val


def test_both_subsets_and_all_rules_have_their_own_identity() -> None:
    divided = [
        divide(Examples(examples(9)), rule) for rule in (TENTH_BY_TEXTS, TENTH_BY_DOCUMENT, STORY_CLOZE)
    ]
    sources = [one[split] for one in divided for split in ("train", "val")]
    assert len({repr(source.identity()) for source in sources}) == 6


def test_the_released_codes_division_is_that_of_its_seed() -> None:
    # numpy.random.RandomState(3535999445).permutation(1871)[:374], as scikit-learn's ShuffleSplit takes it
    held_out = story_cloze_rows(1_871)
    assert held_out[:5] == [1058, 198, 1174, 806, 127]
    assert (len(held_out), len(set(held_out)), sum(held_out)) == (374, 374, 348_664)
    found = examples(1_871)
    divided = divide(Examples(found), STORY_CLOZE)
    assert texts(divided["val"]) == [one.texts for i, one in enumerate(found) if i in set(held_out)]
    assert len(texts(divided["train"])) == 1_497


@pytest.mark.parametrize("n", [1_571, 10, 5])
def test_other_releases_are_divided_in_the_same_ratio(n: int) -> None:
    assert len(story_cloze_rows(n)) == round(n / 5)
