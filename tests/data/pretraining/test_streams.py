"""A stream of records that is cut several times becomes the shards of an unbroken one."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gpt_toolkit.data.pretraining import parallel_tokenize
from gpt_toolkit.data.pretraining.corpora import HubCorpus
from gpt_toolkit.data.pretraining.corpus import Corpus, Position
from gpt_toolkit.data.pretraining.parallel_tokenize import Encoded, encode_on_threads
from gpt_toolkit.data.pretraining.write_token_shards import prepare_tokens
from gpt_toolkit.progress import ProgressBar
from gpt_toolkit.tokenizers import Tokenizer, load_tokenizer

MARK = "<|endoftext|>"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a folder in the layout of the hub, with two files of training records and one for testing."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "hub")
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    folder = tmp_path / "set"
    folder.mkdir()
    for name, first, n in (("train-0", 0, 40), ("train-1", 40, 30), ("test-0", 70, 9)):
        rows = [
            MARK.join(f"record {i}, document {j}. {'x' * i}" for j in range(1 + i % 4))
            for i in range(first, first + n)
        ]
        pq.write_table(pa.table({"text": rows}), folder / f"{name}.parquet", row_group_size=7)
    return folder


class CutError(Exception):
    """End of a stream at an arbitrary place."""


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("separator", [None, MARK])
def test_a_stream_that_is_cut_again_and_again_repeats_and_skips_nothing(
    streaming: bool, separator: str | None, hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel_tokenize, "_JOB_CHARACTERS", 150)
    tokenizer = load_tokenizer("bytes")
    begun: list[Any] = []

    def shards(root: Path, n_jobs: int) -> dict[str, bytes]:
        def encode(
            corpus: Corpus, position: Position, tokenizer: Tokenizer
        ) -> Generator[Encoded, None, None]:
            begun.append(position)
            for number, encoded in enumerate(encode_on_threads(corpus, position, tokenizer)):
                if number == n_jobs:
                    raise CutError
                yield encoded

        corpus = HubCorpus(str(hub), streaming, 0.2, "text", separator, None)
        with ProgressBar("test") as progress:
            cache = prepare_tokens(
                corpus, tokenizer, root, progress, encoder=encode, shard_tokens=700, journal_tokens=300
            )
        folder = cache.folder
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    whole = shards(tmp_path / "whole", -1)
    assert len(whole) > 6
    begun.clear()
    for n_jobs in (9, 1, 7, 12, 5):
        with pytest.raises(CutError):
            shards(tmp_path / "cut", n_jobs)
    assert shards(tmp_path / "cut", -1) == whole
    assert begun[0] is None
    assert len({str(position) for position in begun}) >= 4  # each but the second call came further
    assert not separator or any(inside for *_, inside in begun[1:])  # some in the middle of a record
