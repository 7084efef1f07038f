"""The built-in world as a corpus: the documents it reads, and changes that need a new cache."""

import json
from itertools import islice

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
    with pytest.raises(ValueError, match="world goes with dataset: storyworld"):
        CorpusDataModule(files="a.txt", world={"story": 1.0})
