import itertools
import os
import resource
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock

from gpt_toolkit.checksums import write_checked_json
from gpt_toolkit.data.pretraining import parallel_tokenize, write_token_shards
from gpt_toolkit.data.pretraining.token_shards import FORMAT_VERSION, HEADER_BYTES
from gpt_toolkit.data.pretraining.write_token_shards import cache_key, prepare_tokens
from gpt_toolkit.progress import ProgressBar
from gpt_toolkit.tokenizers.byte_tokenizer import ByteTokenizer
from tests.data.pretraining.numbered_documents import SHARD, Documents, Killed, contents, run


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel_tokenize, "_JOB_CHARACTERS", 60)
    monkeypatch.setattr(os, "fsync", lambda file: None)


def test_documents_follow_each_other_each_after_its_end_of_text(tmp_path: Path) -> None:
    cache = run(Documents(), tmp_path)
    cache.verify()
    assert cache.splits == ("train", "val")
    for split in cache.splits:
        tokens = cache.tokens(split)
        texts = [chunk.text for chunk in Documents().chunks() if chunk.split == split]
        expected = [i for text in texts for i in (256, *text.encode())]
        assert tokens.read(0, len(tokens)).tolist() == expected
        *full, last = [shard.count for shard in cache.shards(split)]
        assert full == [SHARD] * len(full)
        assert 0 < last <= SHARD
        assert len(full) > 2 or split == "val"
        assert cache.n_tokens(split) == len(tokens) == len(expected)
        assert cache.n_bytes(split) == sum(map(len, texts))
        assert cache.n_documents(split) == len(texts)


@pytest.mark.parametrize(("threads", "job_characters"), [(1, 60), (3, 1), (8, 10_000)])
def test_threads_and_jobs_do_not_change_a_byte(
    threads: int, job_characters: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(Documents(), tmp_path / "two")
    monkeypatch.setattr(parallel_tokenize, "_JOB_CHARACTERS", job_characters)
    assert contents(run(Documents(), tmp_path / "other", threads).folder) == contents(first.folder)


@pytest.mark.parametrize("kill_at", [0, 1, 20, 37, 38, 39, 60, 99])
def test_a_killed_run_resumes_and_ends_with_the_same_bytes(kill_at: int, tmp_path: Path) -> None:
    expected = contents(run(Documents(), tmp_path / "whole").folder)
    with pytest.raises(Killed):
        run(Documents(kill_at=kill_at), tmp_path / "killed")
    again = Documents()
    assert contents(run(again, tmp_path / "killed").folder) == expected
    if kill_at > 60:
        assert again.read[0] > 30


def test_a_run_killed_again_and_again_ends_with_the_same_bytes(tmp_path: Path) -> None:
    expected = contents(run(Documents(), tmp_path / "whole").folder)
    for kill_at in range(5, 100, 9):
        with pytest.raises(Killed):
            run(Documents(kill_at=kill_at), tmp_path / "killed")
    assert contents(run(Documents(), tmp_path / "killed").folder) == expected


@pytest.mark.parametrize("victim", ["progress.json", "manifest.json"])
@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_run_killed_while_it_writes_its_journal_ends_with_the_same_bytes(
    victim: str, times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = contents(run(Documents(), tmp_path / "whole").folder)
    left = [times]

    def killed(path: Path, value: Any, **options: Any) -> None:
        left[0] -= path.name == victim
        if path.name == victim and (left[0] == 0 or victim == "manifest.json"):
            raise Killed
        write_checked_json(path, value, **options)

    with monkeypatch.context() as patch:
        patch.setattr(write_token_shards, "write_checked_json", killed)
        with pytest.raises(Killed):
            run(Documents(), tmp_path / "killed")
    assert contents(run(Documents(), tmp_path / "killed").folder) == expected


def test_journals_become_rarer_as_the_shards_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journals: list[int] = []

    def counted(path: Path, value: Any, **options: Any) -> None:
        if path.name == "progress.json":
            journals.append(sum(state["n_tokens"] for state in value["splits"].values()))
        write_checked_json(path, value, **options)

    monkeypatch.setattr(write_token_shards, "write_checked_json", counted)
    cache = run(Documents(2500), tmp_path, journal_tokens=1)
    assert 256 < len(journals) < 800
    for before, after in itertools.pairwise([*journals, sum(map(cache.n_tokens, cache.splits))]):
        assert after - before < before / 256 + 150  # a job more, at most


@pytest.mark.parametrize("place", ["train-00000.tokens", "train-*.partial"])
def test_a_byte_that_changed_after_the_journal_means_starting_again(place: str, tmp_path: Path) -> None:
    expected = contents(run(Documents(), tmp_path / "whole").folder)
    with pytest.raises(Killed):
        run(Documents(kill_at=70), tmp_path / "killed")
    path = next((tmp_path / "killed").glob(f"*/{place}"))
    content = bytearray(path.read_bytes())
    content[HEADER_BYTES] ^= 1
    path.write_bytes(content)
    assert contents(run(Documents(), tmp_path / "killed").folder) == expected


@pytest.mark.parametrize("damage", ["not json", '{"key": "other"}', None])
def test_a_journal_that_cannot_be_trusted_means_starting_again(damage: str | None, tmp_path: Path) -> None:
    expected = contents(run(Documents(), tmp_path / "whole").folder)
    with pytest.raises(Killed):
        run(Documents(kill_at=70), tmp_path / "killed")
    journal = next((tmp_path / "killed").glob("*/progress.json"))
    if damage is None:
        for path in journal.parent.glob("*.partial"):
            os.truncate(path, 70)
    else:
        journal.write_text(damage)
    again = Documents()
    assert contents(run(again, tmp_path / "killed").folder) == expected
    assert again.read[0] == 0


def test_a_finished_cache_is_not_written_again(tmp_path: Path) -> None:
    run(Documents(), tmp_path)
    again = Documents()
    run(again, tmp_path)
    assert again.read == []


def test_the_key_follows_source_tokenizer_and_format(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other(ByteTokenizer):
        fingerprint = "another"

    key = cache_key(Documents(), ByteTokenizer())
    assert key == cache_key(Documents(), ByteTokenizer())
    assert key != cache_key(Documents(name="b"), ByteTokenizer())
    assert key != cache_key(Documents(), Other())
    monkeypatch.setattr(write_token_shards, "FORMAT_VERSION", FORMAT_VERSION + 1)
    assert key != cache_key(Documents(), ByteTokenizer())


def test_large_vocabularies_take_four_bytes_an_id(tmp_path: Path) -> None:
    class Large(ByteTokenizer):
        vocab_size = 70_000

        def encode_chunk(self, text: str, *, first: bool) -> "np.ndarray[Any, np.dtype[np.uint32]]":
            return super().encode_chunk(text, first=first) + np.uint32(69_000)

    with ProgressBar("Test") as progress:
        cache = prepare_tokens(Documents(), Large(), tmp_path, progress)
    cache.verify()
    assert cache.tokens("train").read(0, 3).tolist() == [256, 69_000 + ord("D"), 69_000 + ord("o")]


def test_an_id_outside_the_vocabulary_is_refused(tmp_path: Path) -> None:
    class Faulty(ByteTokenizer):
        vocab_size = 100
        name = "faulty"

    with (
        ProgressBar("Test") as progress,
        pytest.raises(ValueError, match=r"faulty: id 256; expected ids below its vocab_size 100$"),
    ):
        prepare_tokens(Documents(), Faulty(), tmp_path, progress)


def test_a_source_without_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="documents: no training text"):
        run(Documents(0), tmp_path)


def test_a_full_disk_is_one_message_and_leaves_nothing_that_is_trusted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = contents(
        run(Documents(2000), tmp_path / "whole", shard_tokens=60_000, journal_tokens=9000).folder
    )
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    message = r"could not write .* MB are free there\): .* need about \d+ MB in all; .*CACHE"
    try:
        with pytest.raises(OSError, match=message):
            run(Documents(2000), tmp_path / "full", shard_tokens=60_000, journal_tokens=9000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list((tmp_path / "full").glob("*/manifest.json"))
    again = Documents(2000)
    cache = run(again, tmp_path / "full", shard_tokens=60_000, journal_tokens=9000)
    assert contents(cache.folder) == expected
    assert again.read[0] > 0
    assert "Resuming" in capsys.readouterr().err


def test_a_second_process_waits_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    held, path = threading.Event(), tmp_path / f"{cache_key(Documents(), ByteTokenizer())}.lock"

    def hold() -> None:
        with FileLock(path):
            held.set()
            time.sleep(0.3)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    run(Documents(), tmp_path)
    thread.join()
    assert "Another process is preparing" in capsys.readouterr().err


@pytest.mark.shared
def test_novels_become_tokens_and_back(shared_data: Path, cache: Path) -> None:
    import gzip

    from gpt_toolkit.data.file_memo import FileMemo
    from gpt_toolkit.data.pretraining.text_files import FileCorpus, divide

    folder = shared_data / "books" / "valid"
    memo = FileMemo(cache / "files")
    corpus = FileCorpus(divide([str(folder)], [], [], memo), 0.0, "text", None, None, memo)
    with ProgressBar("Test") as progress:
        tokens = prepare_tokens(corpus, ByteTokenizer(), cache, progress)
    parts = [gzip.decompress(path.read_bytes()).decode("utf-8-sig") for path in sorted(folder.iterdir())]
    text = "".join(f"\0{part}".replace("\r\n", "\n") for part in parts)
    ids = tokens.tokens("train").read(0, tokens.n_tokens("train"))
    assert bytes(np.where(ids == 256, 0, ids).astype(np.uint8)).decode() == text
