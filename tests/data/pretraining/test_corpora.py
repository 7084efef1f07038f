"""The built-in world as a corpus: the documents it reads, and changes that need a new cache."""

import json
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gpt_toolkit import storyworld
from gpt_toolkit.data.pretraining.corpora import StoryworldCorpus
from gpt_toolkit.data.pretraining.datamodule import CorpusDataModule
from gpt_toolkit.storyworld.documents import documents


def corpus(world: dict[str, float] | None = None, limit: int = 40) -> StoryworldCorpus:
    module = CorpusDataModule(dataset="storyworld:3", world=world, limit_documents=limit, val_fraction=0.1)
    found = module.corpus()
    assert isinstance(found, StoryworldCorpus)
    return found


def test_the_world_is_read_as_documents_of_its_splits() -> None:
    chunks = list(corpus().chunks())
    expected = [
        *islice(documents(3), 40),
        *islice(documents(3, "validation"), 4),
        *islice(documents(3, "test"), 4),
    ]
    assert [chunk.text for chunk in chunks] == expected
    assert [chunk.split for chunk in chunks] == ["train"] * 40 + ["val"] * 4 + ["test"] * 4


def test_reading_resumes_from_any_position() -> None:
    chunks = list(corpus().chunks())
    for at in (0, 39, 40, 47):
        assert list(corpus().chunks(chunks[at].position)) == chunks[at + 1 :]


def test_rates_choose_the_kinds_of_documents() -> None:
    stories = [chunk.text for chunk in corpus({"story": 1.0}).chunks() if chunk.split == "train"]
    assert stories == list(islice(storyworld.stories(3), 40))
    asked = [chunk.text for chunk in corpus({"questions": 2.0, "story": 0.0}).chunks()]
    assert all("Q: " in text for text in asked)


def test_the_cache_is_another_one_when_the_rates_or_the_version_are(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = corpus().identity()
    assert usual == json.loads(json.dumps(usual))
    assert usual == corpus(dict(storyworld.MIX)).identity()
    assert usual != corpus({**storyworld.MIX, "letter": 0}).identity()
    assert corpus({"story": 1.0}).identity() == corpus({"story": 0.5}).identity()
    monkeypatch.setattr(storyworld, "VERSION", storyworld.VERSION + 1)
    assert usual != corpus().identity()


@pytest.mark.parametrize(
    ("world", "message"),
    [({"tale": 1.0}, r"world: .*'tale'"), ({"story": -1.0}, "world: .*-1"), ({}, "world: .*above 0")],
)
def test_wrong_rates_are_refused_when_the_module_is_built(world: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CorpusDataModule(dataset="storyworld", world=world)


def test_rates_without_the_built_in_world_are_refused() -> None:
    with pytest.raises(ValueError, match="CorpusDataModule: world: given; expected dataset: storyworld"):
        CorpusDataModule(files="a.txt", world={"story": 1.0})


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a folder in the layout of the hub: three rows of parquet."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "hub")
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    (tmp_path / "set").mkdir()
    rows = ["one<|endoftext|>two", "three", None]
    pq.write_table(pa.table({"body": rows, "n": [1, 2, 3]}), tmp_path / "set" / "train.parquet")
    return tmp_path / "set"


@pytest.mark.parametrize("streaming", [False, True])
def test_a_column_or_text_that_a_hub_dataset_lacks_is_named(hub: Path, streaming: bool) -> None:
    module = CorpusDataModule(dataset=str(hub), streaming=streaming)
    with pytest.raises(ValueError, match="set, train record 1: no field 'text'; expected one of body, n"):
        list(module.corpus().chunks())
    module = CorpusDataModule(dataset=str(hub), streaming=streaming, text_field="body")
    with pytest.raises(ValueError, match=r"set, train record 3: field 'body' is null; expected a string"):
        list(module.corpus().chunks())


@pytest.mark.parametrize("streaming", [False, True])
def test_a_separator_divides_records_of_the_hub(hub: Path, streaming: bool) -> None:
    options: dict[str, Any] = {
        "text_field": "body",
        "separator": "<|endoftext|>",
        "limit_documents": 2,
        "val_fraction": 0.0,
    }
    found = CorpusDataModule(dataset=str(hub), streaming=streaming, **options).corpus()
    chunks = list(found.chunks())
    assert [chunk.text for chunk in chunks] == ["one", "two", "three"]
    for i, chunk in enumerate(chunks):
        assert list(found.chunks(chunk.position)) == chunks[i + 1 :]


@pytest.mark.parametrize("seed", ["-1", "x", "", "1:2", "1.5", "²"])
def test_a_seed_that_is_no_number_is_refused(seed: str) -> None:
    with pytest.raises(ValueError, match=r"dataset: 'storyworld:.*'; expected a seed at its end"):
        CorpusDataModule(dataset=f"storyworld:{seed}").corpus()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"limit_documents": 0}, "CorpusDataModule: limit_documents: 0; expected at least 1"),
        ({"limit_documents": -5}, "CorpusDataModule: limit_documents: -5; expected at least 1"),
        ({"world": {}}, "CorpusDataModule: world: weights of the mix: all 0; expected at"),
        ({"world": {"story": -1.0}}, r"CorpusDataModule: world: weight of 'story': -1\.0; expected a"),
        ({"world": {"story": float("nan")}}, "CorpusDataModule: world: weight of 'story': nan; expected a"),
        ({"world": {"tale": 1.0}}, "CorpusDataModule: world: kind of document: 'tale'; expected one"),
        ({"val_fraction": float("nan")}, "CorpusDataModule: val_fraction: nan; expected a value between 0"),
        ({"val_fraction": 0.9}, r"CorpusDataModule: val_fraction: 0\.9; expected a value between 0"),
        ({"separator": "--"}, "CorpusDataModule: separator: given with storyworld; expected"),
        ({"streaming": True}, "CorpusDataModule: streaming: true; expected a dataset of the hub"),
    ],
)
def test_settings_that_no_world_has_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CorpusDataModule(dataset="storyworld", **options)
