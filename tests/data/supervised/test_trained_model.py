"""Datasets as a trained model sees them: labels by name, new files whole, files without labels."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from gpt_toolkit.batches import TrainedDataset
from gpt_toolkit.data.supervised import SupervisedDataset, open_dataset
from tests.data.fakes import spec

Write = Callable[..., Path]
MOODS = ("anger", "joy", "sadness")


def moods(path: Path, labels: tuple[str, ...] = MOODS, n: int = 60) -> Path:
    lines = [f"text number {i} of {path.stem},{labels[i % len(labels)]}" for i in range(n)]
    path.write_text("\n".join(["text,label", *lines]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def trained(tmp_path: Path) -> dict[str, TrainedDataset]:
    """Return the datasets of a checkpoint that was trained on ``mood.csv``, written and read."""
    record = open_dataset(str(moods(tmp_path / "mood.csv"))).record(is_text=False)
    return {"mood": TrainedDataset.from_fields(record.to_fields())}


def targets(dataset: SupervisedDataset, split: str) -> list[float | None]:
    return [example.target for example in dataset.examples(split)]


def test_a_record_is_plain_types_and_comes_back_equal(tmp_path: Path) -> None:
    record = open_dataset(str(moods(tmp_path / "mood.csv"))).record(is_text=False)
    assert record.columns == {"text": "text", "label": "label"}
    assert len(record.files) == 1
    assert TrainedDataset.from_fields(record.to_fields()) == record


def test_labels_are_matched_by_name_in_any_order_and_subset(
    trained: dict[str, TrainedDataset], tmp_path: Path
) -> None:
    path = tmp_path / "other" / "mood.csv"
    path.parent.mkdir()
    path.write_text("text,label\nA.,sadness\nB.,joy\nC.,sadness\n", encoding="utf-8")
    opened = open_dataset(str(path), trained=trained)
    assert opened.spec.labels == MOODS
    assert targets(opened, "test") == targets(opened, "val") == [2, 1, 2]
    swapped = {"name": "mood", "test": str(path), "labels": ["sadness", "joy"]}
    assert targets(open_dataset(swapped, trained=trained), "test") == [2, 1, 2]


def test_a_label_that_the_head_never_learned_is_refused_with_its_line(
    trained: dict[str, TrainedDataset], tmp_path: Path
) -> None:
    path = moods(tmp_path / "new.csv", ("joy", "surprise"))
    opened = open_dataset(str(path), trained=trained)
    message = (
        r"new\.csv, line 3: label 'surprise'; expected anger, joy, sadness; the head of mood has not learned"
    )
    with pytest.raises(ValueError, match=message):
        targets(opened, "test")
    path.write_text("text,label\nA.,0\n", encoding="utf-8")  # names were learned, so numbers mean nothing
    with pytest.raises(ValueError, match=r"line 2: label '0'; expected anger"):
        targets(open_dataset(str(path), trained=trained), "test")


def test_a_new_file_is_scored_whole_and_the_training_file_as_trained(
    trained: dict[str, TrainedDataset], tmp_path: Path
) -> None:
    new = open_dataset(str(moods(tmp_path / "new.csv", n=31)), trained=trained)
    assert (new.splits, len(targets(new, "test"))) == (("val", "test"), 31)
    assert any("not a file that the checkpoint was trained on" in fact for fact in new.facts)
    copy = tmp_path / "copy.csv"
    copy.write_bytes((tmp_path / "mood.csv").read_bytes())
    before = open_dataset(str(tmp_path / "mood.csv"))
    same = open_dataset(str(copy), trained=trained)
    assert same.splits == ("train", "val")
    assert [e.texts for e in same.examples("val")] == [e.texts for e in before.examples("val")]


@pytest.mark.parametrize("content", ["text\nA.\nB.\n", "text,label\nA.,\nB.,\n", "id,text\n1,A.\n2,B.\n"])
def test_a_file_without_labels_needs_no_training_file(
    content: str, trained: dict[str, TrainedDataset], tmp_path: Path
) -> None:
    path = tmp_path / "unknown.csv"
    path.write_text(content, encoding="utf-8")
    opened = open_dataset(str(path), trained=trained)
    assert [(e.texts, e.target) for e in opened.examples("test")] == [(("A.",), None), (("B.",), None)]
    assert opened.spec.labels == MOODS


def test_columns_of_training_are_taken_from_a_file_that_has_them(tmp_path: Path) -> None:
    path = tmp_path / "stars.csv"
    path.write_text("title,body,stars\n" + "".join(f"T,B{i},{i % 2}\n" for i in range(40)), encoding="utf-8")
    record = open_dataset({"train": str(path), "text": "body", "label": "stars"}).record(is_text=False)
    new = tmp_path / "new.csv"
    new.write_text("title,body\nT,Fine.\n", encoding="utf-8")
    opened = open_dataset(str(new), trained={"stars": record})
    assert [e.texts for e in opened.examples("test")] == [("Fine.",)]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"kind": "graded", "labels": [0, 1]}, "kind graded; expected classification, the kind of the"),
        ({"labels": ["joy", "fear"], "positive": "fear"}, "'fear'; expected one of its labels: anger, joy"),
    ],
)
def test_outputs_of_another_meaning_are_refused(
    entry: Mapping[str, object], message: str, trained: dict[str, TrainedDataset], tmp_path: Path
) -> None:
    path = moods(tmp_path / "new.csv", ("joy",))
    with pytest.raises(ValueError, match=message):
        open_dataset({"test": str(path), **entry}, trained=trained)


def test_a_model_with_several_heads_needs_the_name_of_one(
    trained: dict[str, TrainedDataset], tmp_path: Path
) -> None:
    two = {**trained, "tone": TrainedDataset(spec("tone"))}
    path = str(moods(tmp_path / "new.csv"))
    with pytest.raises(
        ValueError, match=r"dataset new: the checkpoint has no head of this name; .* mood, tone"
    ):
        open_dataset(path, trained=two)
    opened = open_dataset({"name": "mood", "test": path}, trained=two)
    assert (opened.spec.head_name, len(targets(opened, "test"))) == ("mood", 60)


def test_a_dataset_of_another_name_has_the_only_head_and_keeps_its_name(
    trained: dict[str, TrainedDataset], tmp_path: Path
) -> None:
    opened = open_dataset(str(moods(tmp_path / "new.csv")), trained=trained)
    assert (opened.spec.name, opened.spec.head_name) == ("new", "mood")
    assert "new: scored by the head of mood, the only one of the checkpoint" in opened.facts
    own = open_dataset(str(tmp_path / "mood.csv"), trained=trained)
    assert not any("scored by" in fact for fact in own.facts)


def test_labels_as_words_are_those_of_training_and_another_name_needs_no_head(
    trained: dict[str, TrainedDataset], tmp_path: Path
) -> None:
    words = {"mood": replace(trained["mood"], is_text=True)}
    path = tmp_path / "b" / "mood.csv"
    path.parent.mkdir()
    moods(path, ("joy", "anger"))
    assert open_dataset(str(path), trained=words, as_text=True).spec.labels == MOODS
    other = open_dataset(str(moods(tmp_path / "tone.csv", ("up", "down"))), trained=words, as_text=True)
    assert (other.spec.labels, other.spec.head) == (("down", "up"), "")


def test_the_number_of_texts_is_that_of_training(trained: dict[str, TrainedDataset], tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("premise,hypothesis,label\nA.,B.,joy\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"2 texts in an example; expected 1, as the checkpoint's mood has"):
        open_dataset(str(path), trained=trained)


def test_published_datasets_are_matched_by_name_too(write: Write, tmp_path: Path) -> None:
    write("rte/dev.tsv", "index\tsentence1\tsentence2\tlabel\n0\tA.\tB.\tnot_entailment\n")
    head = spec("mine", labels=("not_entailment", "entailment"))
    opened = open_dataset("rte", tmp_path, {"mine": TrainedDataset(head)})
    assert (targets(opened, "val"), opened.spec.labels) == ([0], head.labels)
