import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from gpt_toolkit.checksums import read_checked_json, write_checked_json
from gpt_toolkit.data.pretraining import token_shards as tokens_module
from gpt_toolkit.data.pretraining.token_shards import TokenCache, Tokens
from tests.data.pretraining.numbered_documents import Documents, run


def test_windows_cross_from_shard_to_shard(tmp_path: Path) -> None:
    tokens = run(Documents(), tmp_path, shard_tokens=50).tokens("train")
    everything = tokens.read(0, len(tokens))
    starts = np.arange(0, len(tokens) - 200, 17)
    windows = tokens.windows(starts, 200)
    assert windows.dtype == np.int64
    assert np.array_equal(windows, everything[starts[:, None] + np.arange(200)])
    for start in (-1, len(tokens) - 199):
        with pytest.raises(
            IndexError, match=rf"windows: 200 tokens at \[{start}\]; expected all within 2960"
        ):
            tokens.windows(np.array([start]), 200)


def test_more_shards_than_may_be_open_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens_module, "OPEN_SHARDS", 3)
    cache = run(Documents(), tmp_path, shard_tokens=50)
    before = len(list(Path("/proc/self/fd").iterdir()))
    tokens = cache.tokens("train")
    assert len(tokens.shards) > 20
    expected = [i for c in Documents().chunks() if c.split == "train" for i in (256, *c.text.encode())]
    for start in (0, 1500, 700, 1501, 3):
        assert tokens.read(start, 300).tolist() == expected[start : start + 300]
        assert len(list(Path("/proc/self/fd").iterdir())) <= before + 3


def test_tokens_travel_to_workers_as_paths(tmp_path: Path) -> None:
    tokens = run(Documents(2000), tmp_path).tokens("train")
    sent = pickle.dumps(tokens)
    assert len(sent) < len(tokens)
    copy = pickle.loads(sent)
    assert isinstance(copy, Tokens)
    assert np.array_equal(copy.read(0, 500), tokens.read(0, 500))


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize(
    ("size", "message"),
    [
        (-2, r"[\d,]+ bytes; expected [\d,]+;"),
        (2, r"[\d,]+ bytes; expected [\d,]+;"),
        (None, "not found; expected a token file"),
    ],
)
def test_a_truncated_or_missing_file_is_an_error_with_the_fix(
    split: str, size: int | None, message: str, tmp_path: Path
) -> None:
    folder = run(Documents(), tmp_path).folder
    path = folder / f"{split}-00000.tokens"
    if size is None:
        path.unlink()
    else:
        os.truncate(path, path.stat().st_size + size)
    with pytest.raises(ValueError, match=rf"{path}: {message}.*delete the folder {folder} and run"):
        run(Documents(), tmp_path)


def test_a_foreign_file_of_the_right_size_is_an_error(tmp_path: Path) -> None:
    folder = run(Documents(), tmp_path).folder
    path = folder / "train-00001.tokens"
    path.write_bytes(os.urandom(path.stat().st_size))
    with pytest.raises(ValueError, match=r"train-00001\.tokens: other header; expected that of"):
        TokenCache.open(folder)


def test_a_changed_id_is_named_before_the_split_is_used(tmp_path: Path) -> None:
    folder = run(Documents(), tmp_path).folder
    path = folder / "train-00001.tokens"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    cache = TokenCache.open(folder)
    assert len(cache.tokens("val"))
    wrong = r"train-00001\.tokens: checksum 0x\w{8}; expected 0x\w{8}; delete the folder"
    with pytest.raises(ValueError, match=wrong):
        cache.tokens("train")
    with pytest.raises(ValueError, match=wrong):
        cache.verify()


def test_of_many_shards_each_process_verifies_a_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    monkeypatch.setattr(tokens_module.Shard, "verify", lambda shard: read.append(shard.path))
    cache = run(Documents(), tmp_path, shard_tokens=50)
    monkeypatch.setattr(tokens_module, "VERIFIED_BYTES", 5 * 50 * cache.dtype.itemsize)
    samples = []
    for _ in range(4):
        read.clear()
        cache.tokens("train")
        assert len(set(read)) == 5
        samples.append(tuple(sorted(read)))
    assert len(set(samples)) > 1
    read.clear()
    cache.verify()
    assert len(read) == sum(len(cache.shards(split)) for split in cache.splits)


def test_a_manifest_of_another_format_or_damaged_is_an_error(tmp_path: Path) -> None:
    folder = run(Documents(), tmp_path).folder
    path = folder / "manifest.json"
    manifest = read_checked_json(path, "")
    write_checked_json(path, manifest | {"format": 99})
    with pytest.raises(ValueError, match="format 99; expected 4"):
        TokenCache.open(folder)
    for text in ("{", "[]", json.dumps(manifest), json.dumps(manifest | {"crc32": 1})):
        path.write_text(text)
        with pytest.raises(ValueError, match=rf"^{path}: damaged \(.*\); delete the folder {folder} and"):
            TokenCache.open(folder)
    with pytest.raises(FileNotFoundError, match=r"no finished token cache; expected one; run `gpt-toolkit"):
        TokenCache.open(folder / "nowhere")
