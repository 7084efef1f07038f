"""Shards made on a local Ray cluster of two workers; needs Ray (nox -s ray)."""

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from gpt_toolkit.data.pretraining import text_files
from gpt_toolkit.data.pretraining.datamodule import CorpusDataModule
from gpt_toolkit.data.pretraining.parallel_tokenize import Encoder, OnThreads
from gpt_toolkit.data.pretraining.ray_encoder import OnRay
from gpt_toolkit.data.pretraining.text_files import FileMemo, FileSource, divide
from gpt_toolkit.data.pretraining.text_readers import Position
from gpt_toolkit.data.pretraining.text_slices import FileSlice
from gpt_toolkit.data.pretraining.token_shards import TokenCache
from gpt_toolkit.data.pretraining.write_token_shards import prepare_tokens
from gpt_toolkit.progress import ProgressBar
from gpt_toolkit.tokenizers import load_tokenizer
from gpt_toolkit.tokenizers.byte_tokenizer import RawBytes
from gpt_toolkit.tokenizers.loading import Tokenizer

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # Ray's own


class Killed(BaseException):
    """Stands for a signal that no code can catch."""


class Killing(FileSource):
    """A source whose reader is killed before a slice."""

    kill_at = 5

    def slices(self, position: Position = None) -> Iterator[FileSlice]:
        for i, found in enumerate(super().slices(position)):
            if i == self.kill_at:
                raise Killed
            yield found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of text and of records, of several jobs each, one without text among them."""
    (found := tmp_path / "text").mkdir()
    draw = random.Random(0)
    words = ["the", "miller", "key", "lantern", "found", "lost", "under", "oak", "she", "said", "."]
    for i in range(12):
        lines = [" ".join(draw.choices(words, k=12)) for _ in range(400 * (1 + i % 4))]
        if i % 3 == 1:
            texts = [line if k % 7 else "" for k, line in enumerate(lines)]
            text = "".join(json.dumps({"text": text * 20}) + "\n" for text in texts)
            (found / f"{i:02d}.jsonl").write_text(text, encoding="utf-8")
        else:
            (found / f"{i:02d}.txt").write_text("\n".join(lines * 12), encoding="utf-8")
    (found / "06b.txt").write_text("", encoding="utf-8")
    return found


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head without processors and two workers with one each."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    found = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    for _ in range(2):
        found.add_node(num_cpus=1)
    before = os.environ.get("RAY_ADDRESS")
    os.environ["RAY_ADDRESS"] = found.address
    yield found
    found.shutdown()
    os.environ.pop("RAY_ADDRESS")
    if before is not None:
        os.environ["RAY_ADDRESS"] = before


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_files, "SLICE_BYTES", 300_000)  # one file or two
    monkeypatch.setattr(os, "fsync", lambda file: None)


def source_of(folder: Path, memo: Path, kind: type[FileSource] = FileSource) -> FileSource:
    known = FileMemo(memo)
    return kind(divide([str(folder)], [], [], known), 0.1, "text", None, known)


def run(source: FileSource, tokenizer: Tokenizer, root: Path, encoder: Encoder) -> TokenCache:
    with ProgressBar("Test") as progress:
        return prepare_tokens(
            source, tokenizer, root, progress, encoder=encoder, shard_tokens=200_000, checkpoint_tokens=60_000
        )


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_two_workers_write_the_bits_of_one_process(cluster: Any, folder: Path, tmp_path: Path) -> None:
    tokenizer, source = load_tokenizer("storyworld"), source_of(folder, tmp_path / "memo")
    assert len(list(source.slices())) > 8
    expected = contents(run(source, tokenizer, tmp_path / "one", OnThreads(1)).folder)
    assert len(expected) > 5
    assert contents(run(source, tokenizer, tmp_path / "ray", OnRay()).folder) == expected


def test_both_workers_work(cluster: Any, folder: Path, tmp_path: Path) -> None:
    (seen := tmp_path / "seen").mkdir()

    class Witness(RawBytes):
        def encode_chunk(self, text: str, *, first: bool) -> NDArray[np.uint32]:
            import ray

            (seen / ray.get_runtime_context().get_node_id()).touch()
            return super().encode_chunk(text, first=first)

    run(source_of(folder, tmp_path / "memo"), Witness(), tmp_path / "ray", OnRay())
    workers = {node.node_id for node in cluster.worker_nodes}
    assert {path.name for path in seen.iterdir()} == workers
    assert len(workers) == 2


def test_a_killed_run_goes_on_on_the_cluster_and_off_it(cluster: Any, folder: Path, tmp_path: Path) -> None:
    source, tokenizer = source_of(folder, tmp_path / "memo"), RawBytes()
    expected = contents(run(source, tokenizer, tmp_path / "one", OnThreads(2)).folder)
    for again in ("on the cluster", "off it"):
        with pytest.raises(Killed):
            run(source_of(folder, tmp_path / "memo", Killing), tokenizer, tmp_path / again, OnRay())
        assert list((tmp_path / again).glob("*/progress.json"))
        encoder: Encoder = OnRay() if again == "on the cluster" else OnThreads(2)
        assert contents(run(source, tokenizer, tmp_path / again, encoder).folder) == expected


def test_an_error_of_a_worker_is_the_one_that_a_thread_raises(
    cluster: Any, folder: Path, tmp_path: Path
) -> None:
    class Faulty(RawBytes):
        vocab_size = 100
        name = "faulty"

    with pytest.raises(ValueError, match=r"^Tokenizer faulty made the id 256, but its vocab_size is 100\.$"):
        run(source_of(folder, tmp_path / "memo"), Faulty(), tmp_path, OnRay())


def test_a_worker_that_is_lost_changes_nothing(cluster: Any, folder: Path, tmp_path: Path) -> None:
    expected = contents(
        run(source_of(folder, tmp_path / "memo"), RawBytes(), tmp_path / "one", OnThreads(1)).folder
    )
    lost = cluster.add_node(num_cpus=1)

    class Losing(FileSource):
        def slices(self, position: Position = None) -> Iterator[FileSlice]:
            for i, found in enumerate(super().slices(position)):
                if i == 6:
                    cluster.remove_node(lost, allow_graceful=False)
                yield found

    source = source_of(folder, tmp_path / "memo", Losing)
    assert contents(run(source, RawBytes(), tmp_path / "ray", OnRay()).folder) == expected


def test_a_config_names_the_cluster(cluster: Any, cache: Path, folder: Path) -> None:
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
