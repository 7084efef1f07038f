"""Every stream of texts and examples: bytes, positions, seeds, splits and wrong arguments."""

import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from gpt_toolkit.storyworld import SPLITS, VERSION, document, stories, story
from gpt_toolkit.storyworld.benchmarks import BENCHMARKS, benchmark
from gpt_toolkit.storyworld.datasets import DATASETS, EXAMPLES_VERSION, labeled_examples
from gpt_toolkit.storyworld.documents import documents
from tests.storyworld.texts import digest, run_python

STREAMS: dict[str, Callable[..., Iterator[Any]]] = {
    "stories": stories,
    "documents": documents,
    **{name: partial(labeled_examples, name) for name in DATASETS},
    **{name: partial(benchmark, name) for name in BENCHMARKS},
}
COUNT = 100
# The versions and the digest of the first items of each stream, over all splits: when the bytes change, raise
# VERSION or EXAMPLES_VERSION.
GOLDEN: tuple[int, int, dict[str, str]] = (
    3,
    2,
    {
        "stories": "b4177384bcb00c9152e6011b28b378af54929532d17cca14561c62b7dc4ca172",
        "documents": "8a7aae9650d104b9db2aa243b02874e262b578f6b7873f02dc50ff1a7c4118f1",
        "acceptability": "00f28c34fec347aaba566a291d265e92d0a7d799b54e02d20101d013391de3a6",
        "sentiment": "f2dda2bc5720b50f6b803f6ac4fd10fd2117cdeabae10a8e2edc4a86089c42ce",
        "entailment": "9fb705abb633e8bce8f80c607302f5de9026ee445e26fd7f4be27af880345685",
        "paraphrase": "163c6f52b84a59c45a3253fc03f0f37beddd6f2574ca6dd9290e4f3a9093a67c",
        "similarity": "c6f5f5bbdd44e9d3247f5f7c96d8220245a074cb0089bc1a0f9873ada192c030",
        "reading": "2aeefddeb4a79e9cfcb32ea18054fa0686e7822b56040ff92501806d1566282f",
        "endings": "e1fcd8dd6dda1b584e71b2fe37cd49ae9b0ce78311db6a52dbaa212fbd540984",
        "last_word": "9931058eb58c97adb80b668e1623fa0d17f4aa99359ee3b7d5e350c89e6a229f",
        "common_nouns": "8ac0d5807251094e084656d85548c201479eee9603b357402d19411316df7915",
        "names": "334a0a577f62a6a32f18f0a745a6c890614f3c29b4cd0802cefe986ccd184872",
        "pronouns": "83d36e24d1ca94bbd297432908c41f0f27c4f2b71b60c45b1da4b0f135461ea0",
        "conversation": "ba9bb1db86a34ae5f038f964704046428c5cb3dc70fee1b420056ba612c4312c",
        "summaries": "03bbcda1198aaf5f0750d8388f2524be0e1347fbf00b9b8f8ed51313521b9efe",
        "translation": "1b016449f6396ce9d2a51a4b2ae1f892017b453ae677bf29f74ef07bd29f91ef",
        "questions": "85d009bb670dc38840f1170ea389d897a9e56074af194474e3adb5520d92eea6",
        "text": "8a7aae9650d104b9db2aa243b02874e262b578f6b7873f02dc50ff1a7c4118f1",
    },
)
CODE = f"""
from functools import partial
from tests.storyworld.texts import digest
from tests.storyworld.test_streams import STREAMS
for name, stream in STREAMS.items():
    print(digest(stream(5, "test"), {COUNT}))
"""
DOCUMENTS = """
import hashlib, itertools
from gpt_toolkit.storyworld.documents import documents
print(hashlib.sha256("\\0".join(itertools.islice(documents(5, "test"), 300)).encode()).hexdigest())
"""


def digest_of_splits(name: str) -> str:
    splits = DATASETS[name].splits if name in DATASETS else SPLITS
    return digest((digest(STREAMS[name](0, split), COUNT) for split in splits), len(splits))


def test_the_first_items_have_the_bytes_of_this_version() -> None:
    assert (VERSION, EXAMPLES_VERSION, {name: digest_of_splits(name) for name in STREAMS}) == GOLDEN


@pytest.mark.parametrize("hash_seed", ["0", "4711"])
def test_another_process_with_another_hash_seed_gives_the_same_bytes(hash_seed: str) -> None:
    expected = [digest(stream(5, "test"), COUNT) for stream in STREAMS.values()]
    assert run_python(CODE, hash_seed).split() == expected


def other_pythons() -> list[str]:
    """Return the paths of other supported Python versions on this machine."""
    folders = [*os.get_exec_path(), *map(str, Path.home().glob(".pyenv/versions/*/bin"))]
    found: dict[str, str] = {}
    for folder in folders:
        for path in sorted(Path(folder).glob("python3.1[1-9]")):
            if ".pyenv/shims" not in str(path) and path.name != f"python3.{sys.version_info.minor}":
                found.setdefault(path.name, str(path))
    return list(found.values())


def test_other_versions_of_python_give_the_same_bytes() -> None:
    pythons = other_pythons()
    if not pythons:
        pytest.skip("no other version of Python on this machine")
    for python in pythons:
        assert run_python(DOCUMENTS, python=python).strip() == digest(documents(5, "test"), 300), python


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_can_be_entered_at_any_position(name: str) -> None:
    stream = list(islice(STREAMS[name](3, "test"), 30))
    assert list(islice(STREAMS[name](3, "test", start=17), 13)) == stream[17:]


def test_single_documents_are_those_of_the_streams() -> None:
    assert story(3, "test", 17) == next(stories(3, "test", 17))
    assert document(3, "test", 17) == next(documents(3, "test", 17))


@pytest.mark.parametrize("name", STREAMS)
def test_seeds_and_splits_give_different_streams(name: str) -> None:
    splits = DATASETS[name].splits if name in DATASETS else SPLITS
    firsts = {tuple(islice(STREAMS[name](seed, split), 2)) for seed in (-1, 0, 1, 2**40) for split in splits}
    assert len(firsts) == 4 * len(splits)


@pytest.mark.parametrize("name", STREAMS)
def test_a_wrong_split_or_position_is_refused_at_once(name: str) -> None:
    with pytest.raises(ValueError, match=r"'valid'.*'train', 'validation', 'test'"):
        STREAMS[name](0, "valid")
    with pytest.raises(ValueError, match="-1"):
        STREAMS[name](0, "train", start=-1)


@pytest.mark.parametrize("of", [story, document])
def test_a_wrong_split_or_position_of_a_single_document_is_refused(of: Callable[..., str]) -> None:
    with pytest.raises(ValueError, match=r"'valid'.*'train', 'validation', 'test'"):
        of(0, "valid", 0)
    with pytest.raises(ValueError, match="-1"):
        of(0, "train", -1)


def test_an_unknown_dataset_benchmark_or_split_of_a_dataset_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match=r"'cola'.*'acceptability', 'sentiment'"):
        labeled_examples("cola", 0, "train")
    with pytest.raises(ValueError, match="split of sentiment: 'test_mismatched'; expected one of 'train'"):
        labeled_examples("sentiment", 0, "test_mismatched")
    with pytest.raises(ValueError, match=r"'lambada'.*'last_word', 'common_nouns'"):
        benchmark("lambada", 0)
