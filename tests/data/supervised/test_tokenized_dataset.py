import json
import logging
import pickle
import threading
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from gpt_toolkit.data.supervised.dataset import Example
from gpt_toolkit.data.supervised.prompt_templates import prompt_template
from gpt_toolkit.data.supervised.tokenized_dataset import TokenizedDataset, tokenize_dataset, tokenized_folder
from gpt_toolkit.progress import ProgressBar
from gpt_toolkit.tokenizers import load_tokenizer
from tests.data.fakes import FakeDataset, encoded, spec, tokenizer, words


def pairs(n: int, **fields: Any) -> FakeDataset:
    random = Random(0)
    rows = [Example((words(random, 30), words(random, 30)), i % 2, 2 * i) for i in range(n)]
    return FakeDataset(spec("pairs", **fields), {"train": rows})


def test_rows_come_back_as_they_were_encoded(tmp_path: Path) -> None:
    fake = pairs(30_000)  # several jobs of the pool
    rows = encoded(fake, tmp_path)
    assert len(rows) == 30_000
    for index in (0, 1, 14_999, 29_999):
        example = fake.content["train"][index]
        assert [bytes(text.tolist()).decode() for text in rows.texts(index)] == list(example.texts)
    lengths = [[len(text) for text in example.texts] for example in fake.content["train"]]
    np.testing.assert_array_equal(rows.lengths, lengths)
    np.testing.assert_array_equal(rows.targets, [example.target for example in fake.content["train"]])
    np.testing.assert_array_equal(rows.numbers, 2 * np.arange(30_000))
    assert rows.n_ids == sum(map(sum, lengths))


def test_threads_do_not_change_what_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = pairs(30_000)
    cores = "gpt_toolkit.data.encoding.usable_cores"
    monkeypatch.setattr(cores, lambda: 1)
    one = encoded(fake, tmp_path / "1")
    monkeypatch.setattr(cores, lambda: 4)
    four = encoded(fake, tmp_path / "4")
    for name in ("ids.bin", "ends.npy", "examples.npy", "references.jsonl", "manifest.json"):
        assert (one.folder / name).read_bytes() == (four.folder / name).read_bytes()


def test_rows_are_encoded_once_and_named_by_content_tokenizer_and_view(tmp_path: Path) -> None:
    fake = pairs(3)
    encoded(fake, tmp_path)
    encoded(fake, tmp_path)
    assert fake.n_read == 1
    folders = {
        tokenized_folder(fake, "train", tokenizer(), None, tmp_path),
        tokenized_folder(pairs(4), "train", tokenizer(), None, tmp_path),
    }
    template = prompt_template(fake.spec, 2)
    folders.add(tokenized_folder(fake, "train", tokenizer(), template, tmp_path))
    assert len(folders) == 3


def test_targets_parts_and_references_that_are_missing_stay_so(tmp_path: Path) -> None:
    rows = [Example(("a",), None, 0, "left"), Example(("b",), 1, 1), Example(("c",), 0, 2, "right")]
    found = encoded(FakeDataset(spec("s", subsets=("left", "right")), {"test": rows}), tmp_path, "test")
    np.testing.assert_array_equal(found.targets[found.has_target], [1, 0])
    np.testing.assert_array_equal(found.has_target, [False, True, True])
    np.testing.assert_array_equal(found.subsets, [0, -1, 1])
    assert found.references == [[], [], []]


def test_a_failed_run_leaves_nothing_and_what_a_killed_one_left_is_removed(tmp_path: Path) -> None:
    bad = FakeDataset(spec("s"), {"train": [Example(("a",), 0, 0), Example(("a", "b"), 0, 1)]})
    with pytest.raises(ValueError, match="fake s, train example 1: 2 texts; expected 1, as in the examples"):
        encoded(bad, tmp_path)
    assert [path for path in tmp_path.iterdir() if path.suffix != ".lock"] == []
    folder = tokenized_folder(pairs(3), "train", tokenizer(), None, tmp_path)
    left = folder.with_name(f"{folder.name}.1.partial")
    left.mkdir()
    encoded(pairs(3), tmp_path)
    assert not left.exists()


def test_two_processes_at_once_encode_once(tmp_path: Path) -> None:
    fake = pairs(2_000)
    found: list[TokenizedDataset] = []
    runs = [threading.Thread(target=lambda: found.append(encoded(fake, tmp_path))) for _ in range(4)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert fake.n_read == 1
    assert len({rows.folder for rows in found}) == 1


def test_unknown_parts_and_empty_splits_are_refused(tmp_path: Path) -> None:
    unknown = FakeDataset(spec("s", subsets=("a", "b")), {"train": [Example(("x",), 0, 0, "up")]})
    with pytest.raises(ValueError, match="fake s, train example 0: subset 'up'; expected one of a, b"):
        encoded(unknown, tmp_path)
    with pytest.raises(ValueError, match="fake s: no examples in its train split; expected at least one"):
        encoded(FakeDataset(spec("s"), {"train": []}), tmp_path)


def test_text_that_the_vocabulary_cannot_write_is_refused_with_its_row(tmp_path: Path) -> None:
    table = json.loads(load_tokenizer("bytes").files()["tokenizer.json"])
    del table["model"]["vocab"]["z"]
    table["model"]["vocab"]["zz"] = 122
    files = {"tokenizer.json": json.dumps(table)}
    fake = FakeDataset(spec("s"), {"train": [Example(("a",), 0, 0), Example(("xyz",), 0, 7)]})
    with ProgressBar("test") as progress, pytest.raises(ValueError, match=r"fake s, train example 7: .*0x7A"):
        tokenize_dataset(fake, "train", load_tokenizer(files), None, tmp_path, progress)


def test_missing_and_damaged_rows_are_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="run `gpt-toolkit prepare`"):
        TokenizedDataset(tmp_path / "none")
    rows = encoded(pairs(30), tmp_path)
    ids = rows.folder / "ids.bin"
    ids.write_bytes(ids.read_bytes()[:-7])
    with pytest.raises(ValueError, match=rf"^{ids}: checksum .* delete the folder {rows.folder} and run"):
        TokenizedDataset(rows.folder)
    ids.unlink()
    with pytest.raises(ValueError, match=rf"^{ids}: missing file; .* delete the folder"):
        TokenizedDataset(rows.folder)


@pytest.mark.parametrize("name", ["ids.bin", "ends.npy", "examples.npy", "references.jsonl", "manifest.json"])
def test_a_changed_byte_of_the_rows_is_named(name: str, tmp_path: Path) -> None:
    path = encoded(pairs(30), tmp_path).folder / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"^{path}: .*; delete the folder {path.parent} and run"):
        TokenizedDataset(path.parent)


def test_workers_map_the_files_anew(tmp_path: Path) -> None:
    rows = encoded(pairs(2_000), tmp_path)
    copy = pickle.dumps(rows)
    assert len(copy) < 1_000
    np.testing.assert_array_equal(pickle.loads(copy).texts(5)[1], rows.texts(5)[1])


def test_remarks_are_kept_with_the_rows(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    fake = pairs(3)
    fake.facts = ["train: 3 rows, not the published 30"]
    assert encoded(fake, tmp_path).notes == fake.facts
    fake.facts = []
    assert encoded(fake, tmp_path).notes == ["train: 3 rows, not the published 30"]
