from itertools import islice

import pytest

from gpt_toolkit.data.supervised import Example, open_dataset
from gpt_toolkit.storyworld.datasets import DATASETS, labeled_examples


@pytest.mark.parametrize("task", DATASETS)
def test_rows_are_those_of_the_world(task: str) -> None:
    opened = open_dataset(f"storyworld:{task}:20")
    rows = list(opened.examples("train"))
    expected = list(islice(labeled_examples(task, 0, "train"), 20))
    assert [(row.texts, row.target, row.number) for row in rows] == [
        (row.texts, row.target, number) for number, row in enumerate(expected)
    ]
    assert opened.notes("train") == []


@pytest.mark.parametrize("task", DATASETS)
def test_a_twin_is_of_its_sets_kind(task: str) -> None:
    opened = open_dataset(f"storyworld/{task}")
    twin = open_dataset(
        {"CoLA": "cola", "SST-2": "sst2", "MNLI": "mnli", "STS-B": "stsb", "RACE": "race"}.get(
            DATASETS[task].counterpart, "qqp" if task == "paraphrase" else "nq_open"
        )
    )
    if task != "endings":  # Story Cloze is not on the hub
        assert opened.spec.kind == twin.spec.kind
        assert (opened.spec.n_outputs, opened.spec.choices) == (twin.spec.n_outputs, twin.spec.choices)
        assert opened.spec.metrics == twin.spec.metrics
    assert opened.spec.name == task
    assert opened.splits == ("train", "val", "test")


def test_entailment_is_validated_on_two_parts() -> None:
    opened = open_dataset("storyworld:entailment:10")
    assert opened.spec.subsets == ("matched", "mismatched")
    first = next(opened.examples("val"))
    row = next(labeled_examples("entailment", 0, "validation"))
    assert first == Example(row.texts, row.target, 0, "matched")
    later = next(islice(opened.examples("val"), 1_000, None))
    row = next(labeled_examples("entailment", 0, "validation_mismatched"))
    assert later == Example(row.texts, row.target, 1_000, "mismatched")


def test_splits_have_finite_sizes() -> None:
    opened = open_dataset("storyworld:sentiment")
    assert [sum(1 for _ in opened.examples(split)) for split in opened.splits] == [8_000, 1_000, 1_000]


def test_identity_follows_task_and_size() -> None:
    entries = ("storyworld:sentiment", "storyworld:sentiment:10", "storyworld:reading")
    assert len({open_dataset(entry).identity("train") for entry in entries}) == 3
    assert open_dataset(entries[0]).identity("val") == open_dataset(entries[1]).identity("val")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("storyworld:chess", "dataset of storyworld: 'chess'; expected one of acceptability,"),
        ("storyworld:sentiment:many", "storyworld:sentiment:many: size 'many'; expected a number of"),
        ("storyworld:sentiment:0", "storyworld:sentiment:0: size '0'; expected a number of examples,"),
    ],
)
def test_an_entry_that_is_wrong_is_refused(entry: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        open_dataset(entry)
