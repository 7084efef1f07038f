"""Slices of a corpus, and encoding them; on a cluster: test_on_ray.py."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gpt_toolkit.data.pretraining import text_files
from gpt_toolkit.data.pretraining.datamodule import CorpusDataModule
from gpt_toolkit.data.pretraining.parallel_tokenize import OnThreads, in_order, jobs
from gpt_toolkit.data.pretraining.ray_encoder import OnRay
from gpt_toolkit.data.pretraining.sources import WorldSource
from gpt_toolkit.data.pretraining.text_files import FileMemo, FileSource, divide
from gpt_toolkit.data.pretraining.text_readers import Chunk, DivisibleSource
from gpt_toolkit.storyworld import MIX
from gpt_toolkit.tokenizers.byte_tokenizer import ByteTokenizer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Small files of text and of records; some records and one file are empty."""
    (found := tmp_path / "text").mkdir()
    for i in range(9):
        if i % 3 == 1:
            texts = [f"Record {k} of {i}. " * (k % 5) for k in range(20 + i)]  # the last may be empty
            lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
            (found / f"{i}.jsonl").write_text(lines, encoding="utf-8")
        else:
            (found / f"{i}.txt").write_text(f"File {i}. " * 40 * (i != 5), encoding="utf-8")
    return found


def source_of(folder: Path, tmp_path: Path, fraction: float, limit: int | None = None) -> FileSource:
    memo = FileMemo(tmp_path / "memo")
    return FileSource(divide([str(folder)], [], [], memo), fraction, "text", limit, memo)


@pytest.mark.parametrize("slice_bytes", [1, 700, 2000, 1 << 26])
@pytest.mark.parametrize(("fraction", "limit"), [(0.0, None), (0.25, None), (0.0, 30), (0.1, 50)])
def test_slices_read_apart_are_the_source_read_through(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    slice_bytes: int,
    fraction: float,
    limit: int | None,
) -> None:
    monkeypatch.setattr(text_files, "SLICE_BYTES", slice_bytes)
    source = source_of(folder, tmp_path, fraction, limit)
    whole = list(source.chunks())
    slices = list(source.slices())
    counted = 4 if fraction or limit else 3  # documents are not counted where nothing follows from it

    def known(chunk: Chunk) -> Chunk:
        return replace(chunk, position=chunk.position[:counted])

    assert [known(chunk) for part in slices for chunk in part.chunks()] == [known(c) for c in whole]
    assert sum(chunk.starts_slice for chunk in whole) <= len(slices)
    assert (len(slices) > 6) == (slice_bytes == 1)
    for chunk in whole[:: len(whole) // 7]:
        rest = list(source.chunks(chunk.position))
        assert [c.text for c in rest] == [c.text for c in whole[whole.index(chunk) + 1 :]]
        assert [c.text for part in source.slices(chunk.position) for c in part.chunks()] == [
            c.text for c in rest
        ]


def test_jobs_do_not_go_on_into_another_slice(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_files, "SLICE_BYTES", 700)
    source = source_of(folder, tmp_path, 0.1)
    whole = list(jobs(source.chunks()))
    apart = [job for part in source.slices() for job in jobs(part.chunks())]
    assert [[chunk.text for chunk in job] for job in apart] == [[c.text for c in job] for job in whole]
    assert 3 < len(whole) < 9
    assert not any(chunk.starts_slice for job in whole for chunk in job[1:])


def test_what_is_handed_out_comes_back_in_order_and_not_far_ahead() -> None:
    handed: list[int] = []

    def submit(item: int) -> int:
        handed.append(item)
        return item

    for got, item in enumerate(in_order(range(50), submit, lambda: 3)):
        assert got == item
        assert len(handed) <= got + 7
    assert handed == list(range(50))


def test_documents_and_bytes_are_counted_by_split(folder: Path, tmp_path: Path) -> None:
    source = source_of(folder, tmp_path, 0.25)
    chunks: list[Chunk] = list(source.chunks())
    encoded = list(OnThreads(2)(source, None, ByteTokenizer()))
    for split in ("train", "val"):
        mine = [chunk for chunk in chunks if chunk.split == split]
        assert sum(job.n_bytes.get(split, 0) for job in encoded) == sum(chunk.n_bytes for chunk in mine)
        assert sum(job.n_documents.get(split, 0) for job in encoded) == sum(c.starts_document for c in mine)
        assert sum(len(job.ids.get(split, ())) for job in encoded) == sum(
            chunk.n_bytes + chunk.starts_document for chunk in mine
        )


def test_ray_is_for_files_and_says_how_it_is_installed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = WorldSource(0, 0.1, 10, MIX)
    assert not isinstance(world, DivisibleSource)
    with pytest.raises(ValueError, match=r"storyworld \(10 documents, seed 0\) is read from one end"):
        next(OnRay()(world, None, ByteTokenizer()))
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ValueError, match=r"pip install 'gpt-toolkit\[ray\]'"):
        next(OnRay()(source_of(folder, tmp_path, 0.1), None, ByteTokenizer()))


def test_where_text_may_be_encoded_is_checked() -> None:
    wrong: Any = "spark"
    with pytest.raises(ValueError, match="encode_on is 'spark'; expected threads or ray"):
        CorpusDataModule("a.txt", encode_on=wrong)
