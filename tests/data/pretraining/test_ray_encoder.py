"""Groups of files, and their shards made on a local Ray cluster of two workers (nox -s ray)."""

import json
import os
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from gpt_toolkit.data.file_memo import FileMemo
from gpt_toolkit.data.pretraining import ray_encoder
from gpt_toolkit.data.pretraining.corpora import StoryworldCorpus
from gpt_toolkit.data.pretraining.corpus import Chunk, Position
from gpt_toolkit.data.pretraining.datamodule import CorpusDataModule
from gpt_toolkit.data.pretraining.parallel_tokenize import Encoder, encode, encode_on_threads
from gpt_toolkit.data.pretraining.ray_encoder import FileGroup, encode_on_ray, file_groups
from gpt_toolkit.data.pretraining.text_files import FileCorpus, SplitFile, divide
from gpt_toolkit.data.pretraining.token_shards import TokenCache
from gpt_toolkit.data.pretraining.write_token_shards import prepare_tokens
from gpt_toolkit.progress import ProgressBar
from gpt_toolkit.storyworld import MIX
from gpt_toolkit.tokenizers import load_tokenizer
from gpt_toolkit.tokenizers.byte_tokenizer import ByteTokenizer
from gpt_toolkit.tokenizers.loading import Tokenizer

on_cluster = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # Ray's own warnings


class Killed(BaseException):
    """Stand-in for a signal that no code can catch."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make files of text and of records, of several jobs each; some records and two files are empty."""
    (found := tmp_path / "text").mkdir()
    draw = random.Random(0)
    words = ["the", "miller", "key", "lantern", "found", "lost", "under", "oak", "she", "said", "."]
    for i in range(12):
        lines = [" ".join(draw.choices(words, k=12)) for _ in range(400 * (1 + i % 4))]
        if i % 3 == 1:
            texts = [line if (k + 1) % 5 else "" for k, line in enumerate(lines)]  # the last one is empty
            text = "".join(json.dumps({"text": text * 20}) + "\n" for text in texts)
            (found / f"{i:02d}.jsonl").write_text(text, encoding="utf-8")
        else:
            (found / f"{i:02d}.txt").write_text("\n".join(lines * 12), encoding="utf-8")
    (found / "06b.txt").write_text("", encoding="utf-8")
    (found / "07b.jsonl").write_text('{"text": ""}\n', encoding="utf-8")
    return found


def source_of(
    folder: Path, fraction: float = 0.1, limit: int | None = None, separator: str | None = None
) -> FileCorpus:
    memo = FileMemo(folder.parent / "memo")
    return FileCorpus(divide([str(folder)], [], [], memo), fraction, "text", separator, limit, memo)


def in_corpus(group: FileGroup, chunk: Chunk) -> Chunk:
    encoded = group.in_corpus(encode([chunk], ByteTokenizer()))
    assert encoded.fraction is not None
    return replace(chunk, position=encoded.position, fraction=round(encoded.fraction, 9))


@pytest.mark.parametrize("task_bytes", [1, 300_000, 1 << 26])
@pytest.mark.parametrize("separator", [None, "oak the"])
@pytest.mark.parametrize(("fraction", "limit"), [(0.0, None), (0.25, None), (0.0, 900), (0.1, 3000)])
def test_groups_read_apart_are_the_source_read_through(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    task_bytes: int,
    fraction: float,
    limit: int | None,
    separator: str | None,
) -> None:
    monkeypatch.setattr(ray_encoder, "TASK_BYTES", task_bytes)
    corpus = source_of(folder, fraction, limit, separator)
    if limit is not None:  # a limit counts the documents of each split
        files = [SplitFile(file.path, "train" if i < 9 else "val") for i, file in enumerate(corpus.files)]
        corpus = replace(corpus, files=tuple(files))
    counted = 3 if fraction or limit else 2  # documents are not counted where nothing follows from them

    def known(chunk: Chunk) -> Chunk:
        return replace(chunk, position=chunk.position[:counted], fraction=round(chunk.fraction or 0, 9))

    def apart(position: Position) -> list[Chunk]:
        groups = list(file_groups(corpus, position))
        return [known(in_corpus(group, c)) for group in groups for c in group.corpus.chunks(group.position)]

    whole = list(corpus.chunks())
    assert apart(None) == list(map(known, whole))
    for chunk in whole[:: len(whole) // 7]:
        assert apart(chunk.position) == [known(c) for c in corpus.chunks(chunk.position)]
    n_groups = len(list(file_groups(corpus, None)))
    n_splits = 1 if limit is None else 2
    assert {1: n_groups == 13, 300_000: 6 < n_groups < 13, 1 << 26: n_groups == n_splits}[task_bytes]


def test_ray_reads_files_and_an_error_says_how_to_install_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match=r"encode_on: ray for storyworld \(10 documents, seed 0\), which is"):
        next(encode_on_ray(StoryworldCorpus(0, 0.1, 10, MIX), None, ByteTokenizer()))
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ValueError, match=r"pip install 'gpt-toolkit\[ray\]'"):
        next(encode_on_ray(source_of(folder), None, ByteTokenizer()))


@pytest.fixture(scope="module")
def ray_cluster() -> Iterator[Any]:
    """Start a head without processors and two workers with one each."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    found = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    for _ in range(2):
        found.add_node(num_cpus=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ADDRESS", found.address)
        yield found
        found.shutdown()


@pytest.fixture
def cluster(ray_cluster: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Use the cluster with small tasks and without waiting for the disk."""
    monkeypatch.setattr(ray_encoder, "TASK_BYTES", 300_000)  # one file or two
    monkeypatch.setattr(os, "fsync", lambda file: None)
    return ray_cluster


def interrupted(monkeypatch: pytest.MonkeyPatch, at: int, action: Callable[[], None]) -> None:
    """Run an action before the group of this number is submitted."""

    def groups(corpus: FileCorpus, position: Position) -> Iterator[FileGroup]:
        for number, group in enumerate(file_groups(corpus, position)):
            if number == at:
                action()
            yield group

    monkeypatch.setattr(ray_encoder, "file_groups", groups)


def run(corpus: FileCorpus, tokenizer: Tokenizer, root: Path, encoder: Encoder) -> TokenCache:
    with ProgressBar("Test") as progress:
        return prepare_tokens(
            corpus, tokenizer, root, progress, encoder=encoder, shard_tokens=200_000, journal_tokens=60_000
        )


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def in_one_process(corpus: FileCorpus, tokenizer: Tokenizer, root: Path) -> dict[str, bytes]:
    return contents(run(corpus, tokenizer, root, partial(encode_on_threads, n_threads=1)).folder)


class TestOnACluster:
    pytestmark = on_cluster

    def test_two_workers_write_the_bits_of_one_process(
        self, cluster: Any, folder: Path, tmp_path: Path
    ) -> None:
        tokenizer, corpus = load_tokenizer("storyworld"), source_of(folder)
        assert len(list(file_groups(corpus, None))) > 8
        expected = in_one_process(corpus, tokenizer, tmp_path / "one")
        assert len(expected) > 5
        assert contents(run(corpus, tokenizer, tmp_path / "ray", encode_on_ray).folder) == expected

    def test_both_workers_work(self, cluster: Any, folder: Path, tmp_path: Path) -> None:
        (seen := tmp_path / "seen").mkdir()

        class Witness(ByteTokenizer):
            def encode_chunk(self, text: str, *, first: bool) -> NDArray[np.uint32]:
                import ray

                (seen / ray.get_runtime_context().get_node_id()).touch()
                return super().encode_chunk(text, first=first)

        run(source_of(folder), Witness(), tmp_path / "ray", encode_on_ray)
        workers = {node.node_id for node in cluster.worker_nodes}
        assert {path.name for path in seen.iterdir()} == workers
        assert len(workers) == 2

    @pytest.mark.parametrize("encoder", [encode_on_ray, encode_on_threads])
    def test_a_killed_run_resumes_on_the_cluster_and_off_it(
        self, encoder: Encoder, cluster: Any, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        corpus, tokenizer = source_of(folder), ByteTokenizer()
        expected = in_one_process(corpus, tokenizer, tmp_path / "one")

        def kill() -> None:
            raise Killed

        with monkeypatch.context() as patch:
            interrupted(patch, 5, kill)
            with pytest.raises(Killed):
                run(corpus, tokenizer, tmp_path / "killed", encode_on_ray)
        assert list((tmp_path / "killed").glob("*/progress.json"))
        assert contents(run(corpus, tokenizer, tmp_path / "killed", encoder).folder) == expected

    def test_an_error_of_a_worker_is_the_one_that_a_thread_raises(
        self, cluster: Any, folder: Path, tmp_path: Path
    ) -> None:
        class Faulty(ByteTokenizer):
            vocab_size = 100
            name = "faulty"

        with pytest.raises(
            ValueError, match=r"^tokenizer faulty: id 256; expected ids below its vocab_size 100$"
        ):
            run(source_of(folder), Faulty(), tmp_path, encode_on_ray)

    def test_a_worker_that_is_lost_changes_nothing(
        self, cluster: Any, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        corpus = source_of(folder)
        expected = in_one_process(corpus, ByteTokenizer(), tmp_path / "one")
        lost = cluster.add_node(num_cpus=1)
        interrupted(monkeypatch, 6, lambda: cluster.remove_node(lost, allow_graceful=False))
        assert (
            contents(run(source_of(folder), ByteTokenizer(), tmp_path / "ray", encode_on_ray).folder)
            == expected
        )

    def test_a_config_names_the_cluster(self, cluster: Any, cache: Path, folder: Path) -> None:
        found = []
        places: tuple[Literal["ray", "threads"], ...] = ("ray", "threads")
        for encode_on in places:
            data = CorpusDataModule(str(folder), tokenizer="bytes", encode_on=encode_on)
            data.prepare_data()
            data.setup()
            found.append((data.plan, contents(data.cache.folder)))
            for path in data.cache.folder.iterdir():
                path.unlink()
        assert found[0] == found[1]
