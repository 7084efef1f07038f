"""Reports of ``gpt-toolkit doctor`` about a run before its first step."""

import re
from pathlib import Path
from typing import Any

import pytest

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.data.supervised.datamodule import SupervisedDataModule
from gpt_toolkit.dry_run.dry_run import widest_batch
from gpt_toolkit.generation.language_model import LanguageModel
from gpt_toolkit.hardware import choose_precision
from gpt_toolkit.tokenizers import load_tokenizer
from tests.commands import Tell


def test_a_sound_run_is_described_and_nothing_is_written(tell: Tell) -> None:
    before = set(Path.cwd().iterdir())
    said = tell(
        "doctor", "--config", "tiny.yaml", "--trainer.max_steps", 6, "--trainer.val_check_interval", 3
    )
    assert (said.code, said.err) == (0, "a few steps ...\n")
    assert set(Path.cwd().iterdir()) == before
    for line in (
        r"run         folder runs/tiny; this command writes nothing there",
        r"data        corpus\.txt",
        r"train: 1 documents, 4,762 tokens \(0\.0 MB of text, 1\.00 bytes a token\), 148 windows of 32",
        r"token shards: .*cache/tokens/\w+",
        r"vocabulary  bytes, 257 token ids, fingerprint \w+",
        r"first training window, a bar between two tokens:\n +(\S|\|| )+\n +loss on every token",
        r"model       PretrainTask\n +1 layers of width 16, 1 heads of 16, context 32, vocabulary 257",
        r"7,936 parameters, 3,312 without embeddings",
        r"7,936 of 7,936 parameters are trained",
        r"memory      one device: .* \(counted on a step of 16 sequences of 32 tokens, the widest batch\)",
        r"weights 0\.0 MB, gradients 0\.0 MB, optimizer state 0\.1 MB, activations and workspace \d+\.\d MB",
        r"fits: .* are free on this CPU",
        r"time        6 steps, 0\.67 epochs of 9; 2 validations",
        rf"{choose_precision().name}: .* a step, [\d,]+ tokens/s",
        r"a validation .*, and its sample ",
        r"the whole run \d+:\d\d, without start-up \(from 3 timed steps\)\nall is well\n$",
    ):
        assert re.search(line, said.out), f"{line}\n{said.out}"


def test_the_examples_of_a_labeled_dataset_are_shown_as_in_figure_1(tell: Tell, moods: None) -> None:
    said = tell("doctor", "--config", "moods.yaml")
    assert (said.code, said.err) == (0, "a few steps ...\n"), said.out
    assert "train 34 examples" in said.out
    assert (
        "moods, train example 0: 0\n                tokens: text 5\n"
        "                <start>b|a|d| |0<extract>\n"
    ) in said.out
    assert re.search(r"examples are truncated to 32 tokens", said.out)
    assert "the auxiliary loss is on every token but <start>" in said.out
    [(trained, total)] = re.findall(r"([\d,]+) of ([\d,]+) parameters are trained", said.out)
    assert int(total.replace(",", "")) - int(trained.replace(",", "")) == 12 * 16 * 16 + 13 * 16
    assert re.search(r"10 steps, 2\.00 epochs of 5; 2 validations", said.out)
    assert re.search(r"examples/s", said.out)


def test_all_problems_are_listed_at_once_with_their_fixes(tell: Tell) -> None:
    said = tell(
        *("doctor", "--config", "tiny.yaml", "--model.decoder.n_head", 3, "--data.files", "corpse.txt"),
        *("--trainer.accelerator", "cpu", "--trainer.strategy", "fsdp", "--ckpt_path", "last"),
    )
    assert said.code == 1
    problems = said.out.partition("4 problems:\n")[2].splitlines()
    assert len(problems) == 4
    for problem, expected in zip(
        problems,
        (
            r"1\. decoder: n_head: 3; expected a divisor of n_embd 16, such as",
            r"2\. --ckpt_path: last, runs/tiny/checkpoints/last\.ckpt not found; expected",
            r"3\. trainer\.strategy is fsdp, which needs GPUs",
            r"4\. files: 'corpse\.txt'",
        ),
        strict=True,
    ):
        assert re.match(f"  {expected}", problem)
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--data.n_ctx", "0"], r"1\. CorpusDataModule: n_ctx: 0; expected at least 1"),
        (
            ["--model.decoder.vocab_size", "200", "--model.decoder.n_ctx", "16"],
            r"tokenizer: 257 token ids; expected at most 200, .*; data\.n_ctx: 32; expected at most 16",
        ),
        (["--model.optimizer", "null"], r"no optimizer: training needs --model\.optimizer"),
        (["--trainer.max_steps", "-1", "--trainer.max_epochs", "-1"], r"schedule: no end; expected a last"),
        (
            ["--checkpoints.monitor", "val_score"],
            r"checkpoints\.monitor is val_score, .*; it logs val_bits_per_byte, val_loss, val_perplexity",
        ),
        (["--model.init_from", "nowhere"], r"nowhere: not found; expected a model folder"),
    ],
)
def test_a_problem_that_fit_would_meet_later_is_found(arguments: list[str], problem: str, tell: Tell) -> None:
    said = tell("doctor", "--config", "tiny.yaml", *arguments)
    assert said.code == 1
    assert re.search(problem, said.out.partition("problem")[2]), said.out


def test_a_folder_with_a_run_is_a_problem_unless_the_run_is_resumed(tell: Tell) -> None:
    tell("fit", "--config", "tiny.yaml", "--trainer.max_steps", 3)
    held = {path: path.stat().st_mtime_ns for path in Path("runs").rglob("*")}
    said = tell("doctor", "--config", "tiny.yaml")
    assert said.code == 1
    assert "1. runs/tiny already holds a run: resume it by --ckpt_path last" in said.out
    again = tell("doctor", "--config", "tiny.yaml", "--ckpt_path", "last")
    assert again.code == 0
    assert "resumes from runs/tiny/checkpoints/last.ckpt" in again.out
    assert "5 steps, 0.56 epochs of 9; 2 validations" in again.out
    assert {path: path.stat().st_mtime_ns for path in Path("runs").rglob("*")} == held
    another = tell("doctor", "--config", "tiny.yaml", "--ckpt_path", "last", "--data.batch_size", 8)
    assert another.code == 1
    assert "as in the checkpoint; restore what differs" in another.out


def test_a_mistyped_option_has_the_message_of_fit(tell: Tell) -> None:
    arguments = ("--config", "tiny.yaml", "--data.tokenizr", "x")
    said, fits = tell("doctor", *arguments), tell("fit", *arguments)
    assert (said.code, said.err) == (2, fits.err)


def test_a_step_that_is_too_large_is_forecast_and_not_tried(
    tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gpt_toolkit.dry_run.dry_run.free_memory", lambda device: 200_000)
    said = tell("doctor", "--config", "tiny.yaml")
    assert said.code == 1
    assert "forecast for 16 sequences of 32 tokens" in said.out
    assert re.search(r"1\. a step needs .*, and 0\.2 MB are free .*: lower data\.batch_size", said.out)
    assert "a few steps" not in said.err


def test_a_task_that_trains_nothing_is_shown_with_its_first_requests(tell: Tell) -> None:
    fields = {"vocab_size": 257, "n_ctx": 64, "n_layer": 1, "n_head": 2, "n_embd": 16}
    LanguageModel(Decoder(DecoderConfig.from_fields(fields)), load_tokenizer("bytes")).save("model")
    limit = ("--data.benchmarks", "storyworld:pronouns", "--data.limit", "2")
    benchmarks = tell("doctor", "--config", "gpt2/zero_shot", "--model.init_from", "model", *limit)
    assert benchmarks.code == 0, benchmarks.out
    assert re.search(r"storyworld:pronouns/paper-1: after .*  how likely is  ", benchmarks.out)
    assert "ZeroShotTask trains nothing: use test, validate or predict" in benchmarks.out
    Path("prompts.txt").write_text(f"Once\n{'Twice ' * 20}\n", encoding="utf-8")
    files = ("--data.files", "prompts.txt")
    prompts = tell("doctor", "--config", "text/generate", "--model.init_from", "model", *files)
    assert prompts.code == 1
    assert "O|n|c|e\n" in prompts.out
    assert re.search(r"1\. prompts\.txt, line 2: a prompt of 120 tokens \('Twice .* length 64", prompts.out)


def test_no_training_batch_is_wider_than_the_widest(moods: None) -> None:
    data = SupervisedDataModule("moods.csv", tokenizer="bytes", n_ctx=64, batch_size=6, bucket=2)
    data.prepare_data()
    data.setup("fit")
    batches: Any = data.train_dataloader().dataset
    sizes = [batches[i]["input_ids"].numel() for i in range(len(batches))]
    assert widest_batch(batches, data)()["input_ids"].numel() == max(sizes)
