from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from gpt_toolkit.data.pretraining.corpora import StoryworldCorpus
from gpt_toolkit.data.pretraining.corpus import Chunk, Position
from gpt_toolkit.data.pretraining.datamodule import CorpusDataModule
from gpt_toolkit.data.pretraining.parallel_tokenize import encode_on_threads, jobs
from gpt_toolkit.storyworld import MIX
from gpt_toolkit.tokenizers.byte_tokenizer import ByteTokenizer


@dataclass(frozen=True)
class Documents(StoryworldCorpus):
    """Storyworld, with each document cut into two chunks."""

    def chunks(self, position: Position = None) -> Iterator[Chunk]:
        for chunk in super().chunks(position):
            for text, starts in ((chunk.text[:100], True), (chunk.text[100:], False)):
                yield Chunk(text, starts, chunk.split, chunk.position, chunk.fraction)


def test_a_job_ends_when_it_has_enough_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpt_toolkit.data.pretraining.parallel_tokenize._JOB_CHARACTERS", 1000)
    chunks = list(Documents(0, 0.1, 30, MIX).chunks())
    found = list(jobs(chunks))
    assert [chunk for job in found for chunk in job] == chunks
    sizes = [[len(chunk.text) for chunk in job] for job in found]
    assert all(sum(job) >= 1000 > sum(job[:-1]) for job in sizes[:-1])


@pytest.mark.parametrize("job_characters", [1, 1 << 18])
def test_documents_and_bytes_are_counted_by_split(
    job_characters: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gpt_toolkit.data.pretraining.parallel_tokenize._JOB_CHARACTERS", job_characters)
    corpus = Documents(0, 0.25, 40, MIX)
    chunks = list(corpus.chunks())
    encoded = list(encode_on_threads(corpus, None, ByteTokenizer(), 2))
    assert (len(encoded) == len(chunks)) == (job_characters == 1)
    assert encoded[-1].position == chunks[-1].position
    assert encoded[-1].fraction == 1.0
    for split in ("train", "val", "test"):
        mine = [chunk for chunk in chunks if chunk.split == split]
        n_documents = sum(chunk.starts_document for chunk in mine)
        n_bytes = sum(len(chunk.text.encode()) for chunk in mine)
        assert n_documents > 0
        assert sum(job.n_documents.get(split, 0) for job in encoded) == n_documents
        assert sum(job.n_bytes.get(split, 0) for job in encoded) == n_bytes
        assert sum(len(job.ids.get(split, ())) for job in encoded) == n_bytes + n_documents


def test_an_unknown_place_to_encode_is_refused() -> None:
    wrong: Any = "spark"
    with pytest.raises(ValueError, match="CorpusDataModule: encode_on: 'spark'; expected threads or ray"):
        CorpusDataModule("a.txt", encode_on=wrong)
