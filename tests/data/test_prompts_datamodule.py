from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from gpt_toolkit.data.prompts_datamodule import PromptBatches, PromptsDataModule, read_prompts
from gpt_toolkit.data.step_loader import StepShare


@pytest.mark.parametrize("world_size", [1, 2, 3, 7, 8])
@pytest.mark.parametrize("n_prompts", [1, 7, 20])
def test_each_prompt_is_read_once_and_the_ranks_one_after_another_are_in_order(
    world_size: int, n_prompts: int
) -> None:
    prompts = [f"prompt {i}" for i in range(n_prompts)]
    read = []
    for rank in range(world_size):
        batches = PromptBatches(prompts, StepShare(3, rank, world_size))
        for index in range(len(batches)):
            batch = batches[index]
            assert 1 <= len(batch["rows"]) <= 3
            read += list(zip(batch["rows"], batch["prompts"], strict=True))
    assert read == list(enumerate(prompts))


def test_lines_and_records_are_prompts(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("\ufeffOne é\r\n\n  two \nthree".encode())
    with gzip.open(tmp_path / "b.txt.gz", "wt", encoding="utf-8") as file:
        file.write("four\n")
    (tmp_path / "c.jsonl").write_text('{"prompt": "a\\nb", "id": 1}\n\n{"prompt": ""}\n', encoding="utf-8")
    assert list(read_prompts(tmp_path / "a.txt", "prompt")) == ["One é", "  two ", "three"]
    assert list(read_prompts(tmp_path / "c.jsonl", "prompt")) == ["a\nb", ""]
    data = PromptsDataModule([str(tmp_path / "c.jsonl"), str(tmp_path / "*.gz")], tokenizer="bytes")
    data.setup()
    assert data.prompts == ["a\nb", "", "four"]
    assert data.summary().endswith("3 prompts")
    assert [batch["rows"] for batch in data.predict_dataloader()] == [[0, 1, 2]]


def test_broken_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    (tmp_path / "other.jsonl").write_text(json.dumps({"text": "x"}))
    (tmp_path / "empty.txt").write_text("\n\n")
    for name, message in (
        ("latin.txt", "latin.txt: not UTF-8 from byte 3 on"),
        ("other.jsonl", "other.jsonl, line 1 has no field 'prompt'; its fields: text"),
        ("empty.txt", "no prompt in .*empty.txt"),
    ):
        with pytest.raises(ValueError, match=message):
            PromptsDataModule(str(tmp_path / name), tokenizer="bytes").setup()
    with pytest.raises(FileNotFoundError, match=r"no file or folder 'nowhere\.txt'"):
        PromptsDataModule("nowhere.txt", tokenizer="bytes").setup()


def test_arguments_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="files is empty; give at least one file"):
        PromptsDataModule([])
    with pytest.raises(ValueError, match="batch_size is 0; it must be at least 1"):
        PromptsDataModule("a.txt", batch_size=0)
    with pytest.raises(ValueError, match=r"no tokenizer; give --model\.init_from MODEL"):
        PromptsDataModule("a.txt").setup()
