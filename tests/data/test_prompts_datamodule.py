from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from gpt_toolkit.data.prompts_datamodule import Prompt, PromptBatches, PromptsDataModule, read_prompts
from gpt_toolkit.data.step_loader import StepShare


@pytest.mark.parametrize("world_size", [1, 2, 3, 7, 8])
@pytest.mark.parametrize("n_prompts", [1, 7, 20])
def test_each_prompt_is_read_once_and_the_ranks_one_after_another_are_in_order(
    world_size: int, n_prompts: int
) -> None:
    prompts = [Prompt(f"prompt {i}", f"a.txt, line {i + 1}") for i in range(n_prompts)]
    read = []
    for rank in range(world_size):
        batches = PromptBatches(prompts, StepShare(3, rank, world_size))
        for index in range(len(batches)):
            batch = batches[index]
            assert len(batch["rows"]) <= 3
            assert batch["rows"] or index == len(batches) - 1  # only the last of a rank may be empty
            read += list(zip(batch["rows"], batch["prompts"], strict=True))
    assert read == [(i, f"prompt {i}") for i in range(n_prompts)]


def test_lines_and_records_are_prompts(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("\ufeffOne é\r\n\n  two \nthree".encode())
    with gzip.open(tmp_path / "b.txt.gz", "wt", encoding="utf-8") as file:
        file.write("four\n")
    (tmp_path / "c.jsonl").write_text('{"prompt": "a\\nb", "id": 1}\n\n{"prompt": ""}\n', encoding="utf-8")
    (tmp_path / "d.txt").write_text("five\rsix", encoding="utf-16")
    a, c, d = (tmp_path / name for name in ("a.txt", "c.jsonl", "d.txt"))
    assert list(read_prompts(a, "prompt")) == [
        ("One é", f"{a}, line 1"),
        ("  two ", f"{a}, line 3"),
        ("three", f"{a}, line 4"),
    ]
    assert list(read_prompts(c, "prompt")) == [("a\nb", f"{c}, record 1"), ("", f"{c}, record 2")]
    assert [prompt.text for prompt in read_prompts(d, "prompt")] == ["five", "six"]
    data = PromptsDataModule([str(tmp_path / "c.jsonl"), str(tmp_path / "*.gz")], tokenizer="bytes")
    data.setup()
    assert [prompt.text for prompt in data.prompts] == ["a\nb", "", "four"]
    assert data.summary().endswith("3 prompts")
    assert [batch["rows"] for batch in data.predict_dataloader()] == [[0, 1, 2]]


def test_broken_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    (tmp_path / "other.jsonl").write_text(json.dumps({"text": "x"}))
    (tmp_path / "empty.txt").write_text("\n\n")
    for name, message in (
        ("latin.txt", "latin.txt: byte 0xe9 at offset 3; expected UTF-8 text"),
        ("other.jsonl", r"other\.jsonl, line 1: no field 'prompt'; expected one of text"),
        ("empty.txt", "no prompt in .*empty.txt"),
    ):
        with pytest.raises(ValueError, match=message):
            PromptsDataModule(str(tmp_path / name), tokenizer="bytes").setup()
    with pytest.raises(
        FileNotFoundError, match=r"files: 'nowhere\.txt' not found in .*; expected a file or folder"
    ):
        PromptsDataModule("nowhere.txt", tokenizer="bytes").setup()


def test_a_prompt_longer_than_a_context_is_refused_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("short\n\nfar too long\n")
    data = PromptsDataModule(str(path), tokenizer="bytes")
    data.setup()
    assert list(data.length_problems(12)) == []
    assert list(data.length_problems(11)) == [
        f"{path}, line 3: a prompt of 12 tokens ('far too long'...); expected at most the context length 11; "
        "shorten it"
    ]


def test_arguments_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="PromptsDataModule: files: none; expected at least one"):
        PromptsDataModule([])
    with pytest.raises(ValueError, match="PromptsDataModule: batch_size: 0; expected at least 1"):
        PromptsDataModule("a.txt", batch_size=0)
    with pytest.raises(ValueError, match=r"no tokenizer; expected --model\.init_from MODEL"):
        PromptsDataModule("a.txt").setup()
