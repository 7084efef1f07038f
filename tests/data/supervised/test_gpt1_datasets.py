"""The catalog, and datasets in the hub's format, made here with its features and its order of classes."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import datasets
import pytest
from datasets import ClassLabel, Dataset, Features, List, Value

from gpt_toolkit.data.supervised import Example, open_dataset
from gpt_toolkit.data.supervised.gpt1_datasets import known_datasets

Hub = Callable[[dict[str, Dataset]], list[tuple[str, str | None, str]]]

TEXT = Value("string")
GLUE_PAIR = {"sentence1": TEXT, "sentence2": TEXT}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    """Replace the hub by these datasets, by split; return the list of requests to it."""

    def put(tables: dict[str, Dataset]) -> list[tuple[str, str | None, str]]:
        asked: list[tuple[str, str | None, str]] = []

        def load(path: str, config: str | None, *, split: str) -> Dataset:
            asked.append((path, config, split))
            return tables[split]

        def builder(path: str, config: str | None) -> Any:
            return SimpleNamespace(config=SimpleNamespace(name=config, version="1.0.0"), hash="abc")

        monkeypatch.setattr(datasets, "load_dataset", load)
        monkeypatch.setattr(datasets, "load_dataset_builder", builder)
        return asked

    return put


def table(features: dict[str, Any], *rows: tuple[Any, ...]) -> Dataset:
    columns = {name: [row[i] for row in rows] for i, name in enumerate(features)}
    return Dataset.from_dict(columns, features=Features(features))


def rows_of(name: str, split: str) -> list[Example]:
    return list(open_dataset(name).examples(split))


@pytest.mark.parametrize(
    ("name", "path", "features", "row", "example"),
    [
        (
            "rte",
            ("nyu-mll/glue", "rte"),
            GLUE_PAIR | {"label": ClassLabel(names=["entailment", "not_entailment"]), "idx": Value("int32")},
            ("A.", "B.", 0, 7),
            Example(("A.", "B."), 0, 0),
        ),
        (
            "mrpc",
            ("nyu-mll/glue", "mrpc"),
            GLUE_PAIR | {"label": ClassLabel(names=["not_equivalent", "equivalent"]), "idx": Value("int32")},
            ("A.", "B.", 1, 0),
            Example(("A.", "B."), 1, 0),
        ),
        (
            "qqp",
            ("nyu-mll/glue", "qqp"),
            {"question1": TEXT, "question2": TEXT, "label": ClassLabel(names=["not_duplicate", "duplicate"])},
            ("A?", "B?", 1),
            Example(("A?", "B?"), 1, 0),
        ),
        (
            "qnli",
            ("nyu-mll/glue", "qnli"),
            {"question": TEXT, "sentence": TEXT, "label": ClassLabel(names=["entailment", "not_entailment"])},
            ("A?", "B.", 1),
            Example(("A?", "B."), 1, 0),
        ),
        (
            "cola",
            ("nyu-mll/glue", "cola"),
            {
                "sentence": TEXT,
                "label": ClassLabel(names=["unacceptable", "acceptable"]),
                "idx": Value("int32"),
            },
            ("A.", 1, 0),
            Example(("A.",), 1, 0),
        ),
        (
            "sst2",
            ("nyu-mll/glue", "sst2"),
            {"sentence": TEXT, "label": ClassLabel(names=["negative", "positive"]), "idx": Value("int32")},
            ("hide new secretions ", 0, 0),
            Example(("hide new secretions",), 0, 0),
        ),
        (
            "stsb",
            ("nyu-mll/glue", "stsb"),
            GLUE_PAIR | {"label": Value("float32"), "idx": Value("int32")},
            ("A.", "B.", 3.5, 0),
            Example(("A.", "B."), 3.5, 0),
        ),
        (
            "snli",
            ("stanfordnlp/snli", None),
            {
                "premise": TEXT,
                "hypothesis": TEXT,
                "label": ClassLabel(names=["entailment", "neutral", "contradiction"]),
            },
            ("A.", "B.", 2),
            Example(("A.", "B."), 2, 0),
        ),
        (
            "scitail",
            ("allenai/scitail", "tsv_format"),
            {"premise": TEXT, "hypothesis": TEXT, "label": TEXT},
            ("A.", "B.", "neutral"),
            Example(("A.", "B."), 1, 0),
        ),
        (
            "race",
            ("ehovy/race", "all"),
            {"example_id": TEXT, "article": TEXT, "answer": TEXT, "question": TEXT, "options": List(TEXT)},
            ("middle3354.txt", "A.", "D", "B?", ["a", "b", "c", "d"]),
            Example(("A.", "B?", "a", "b", "c", "d"), 3, 0, "middle"),
        ),
        (
            "cnn_dm",
            ("abisee/cnn_dailymail", "3.0.0"),
            {"article": TEXT, "highlights": TEXT, "id": TEXT},
            ("Long.", "Short .\nEnd .", "1"),
            Example(("Long.",), 0, 0, references=("Short .\nEnd .",)),
        ),
        (
            "nq_open",
            ("google-research-datasets/nq_open", None),
            {"question": TEXT, "answer": List(TEXT)},
            ("who?", ["A", "B"]),
            Example(("who?",), 0, 0, references=("A", "B")),
        ),
    ],
)
def test_rows_of_the_hub_are_read(
    hub: Hub,
    name: str,
    path: tuple[str, str | None],
    features: dict[str, Any],
    row: tuple[Any, ...],
    example: Example,
) -> None:
    asked = hub({"train": table(features, row)})
    assert rows_of(name, "train") == [example]
    assert asked == [(*path, "train")]


def test_mnli_has_two_parts_and_labels_that_are_not_public(hub: Hub) -> None:
    features = {
        "premise": TEXT,
        "hypothesis": TEXT,
        "label": ClassLabel(names=["entailment", "neutral", "contradiction"]),
        "idx": Value("int32"),
    }
    hub(
        {
            "validation_matched": table(features, ("A.", "B.", 1, 0)),
            "validation_mismatched": table(features, ("C.", "D.", 2, 0)),
            "test_matched": table(features, ("A.", "B.", -1, 0)),
            "test_mismatched": table(features, ("C.", "D.", -1, 0)),
        }
    )
    assert rows_of("mnli", "val") == [
        Example(("A.", "B."), 1, 0, "matched"),
        Example(("C.", "D."), 2, 1, "mismatched"),
    ]
    assert [(row.target, row.subset) for row in rows_of("mnli", "test")] == [
        (None, "matched"),
        (None, "mismatched"),
    ]


def test_rows_of_snli_without_a_gold_label_are_left_out(hub: Hub) -> None:
    names = ClassLabel(names=["entailment", "neutral", "contradiction"])
    features = {"premise": TEXT, "hypothesis": TEXT, "label": names}
    hub({"test": table(features, ("A.", "B.", -1), ("A.", "C.", 0))})
    assert rows_of("snli", "test") == [Example(("A.", "C."), 0, 0)]


def test_another_order_of_classes_on_the_hub_changes_no_target(hub: Hub) -> None:
    features = GLUE_PAIR | {"label": ClassLabel(names=["not_entailment", "entailment"])}
    hub({"train": table(features, ("A.", "B.", 0))})
    assert rows_of("rte", "train") == [Example(("A.", "B."), 1, 0)]


def test_other_columns_on_the_hub_are_refused(hub: Hub) -> None:
    hub({"train": table({"text": TEXT, "label": Value("int32")}, ("A.", 0))})
    with pytest.raises(ValueError, match="nyu-mll/glue on the hub: columns text, label; expected GLUE's"):
        rows_of("rte", "train")


def test_opening_a_set_reads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("asked the hub")

    monkeypatch.setattr(datasets, "load_dataset", fail)
    for name, known in known_datasets().items():
        if known.hub is not None:
            opened = open_dataset(name)
            assert opened.spec == known.spec
            assert "train" in opened.splits


def test_identity_follows_the_revision(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub({})
    opened = open_dataset("mnli")
    before = opened.identity("val")
    assert opened.identity("val") == before != opened.identity("test")
    other = SimpleNamespace(config=SimpleNamespace(name="mnli", version="1.0.0"), hash="xyz")
    monkeypatch.setattr(datasets, "load_dataset_builder", lambda *_: other)
    assert open_dataset("mnli").identity("val") != before


def test_without_a_network_one_line_says_what_to_place_where(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ConnectionError("Couldn't reach\n  the hub.")

    monkeypatch.setattr(datasets, "load_dataset", fail)
    with pytest.raises(ValueError, match=r"rte: nyu-mll/glue not loaded from the hub") as caught:
        rows_of("rte", "train")
    message = str(caught.value)
    assert "\n" not in message
    assert "(ConnectionError: Couldn't reach the hub)" in message
    assert "place train.tsv, dev.tsv and test.tsv of GLUE's RTE in ROOT/rte and set root to ROOT" in message


def test_story_cloze_cannot_be_downloaded() -> None:
    with pytest.raises(FileNotFoundError, match="story_cloze: not on the hub; expected files"):
        open_dataset("story_cloze")


def test_names_are_those_of_the_papers_table() -> None:
    table = "snli mnli scitail qnli rte race story_cloze cola sst2 mrpc qqp stsb"
    assert list(known_datasets())[:12] == table.split()


def test_sets_are_what_gpt1_made_of_them() -> None:
    kinds = {name: known.spec.kind for name, known in known_datasets().items()}
    assert [name for name, kind in kinds.items() if kind == "similarity"] == ["mrpc", "qqp"]
    assert [name for name, kind in kinds.items() if kind == "graded"] == ["stsb"]
    assert [name for name, kind in kinds.items() if kind == "multiple_choice"] == ["race", "story_cloze"]
    outputs = {
        name: known.spec.n_outputs for name, known in known_datasets().items() if known.spec.kind != "text"
    }
    assert outputs == {
        **{"snli": 3, "mnli": 3, "scitail": 2, "qnli": 2, "rte": 2, "race": 1, "story_cloze": 1},
        **{"cola": 2, "sst2": 2, "mrpc": 2, "qqp": 2, "stsb": 6},
    }
    assert known_datasets()["cola"].spec.metrics == ("matthews",)
    assert known_datasets()["stsb"].spec.metrics == ("pearson", "spearman")
    assert known_datasets()["mrpc"].spec.metrics == known_datasets()["qqp"].spec.metrics == ("f1", "accuracy")
    assert known_datasets()["rte"].spec.labels == ("entailment", "not_entailment")
    assert known_datasets()["mnli"].spec.labels == ("entailment", "neutral", "contradiction")
