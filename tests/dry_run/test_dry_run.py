"""What is said of a run before its first step."""

import csv
import re
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.demos.boring_classes import BoringModel

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.callbacks import Checkpoints
from gpt_toolkit.cli import main
from gpt_toolkit.data.supervised.datamodule import SupervisedDataModule
from gpt_toolkit.dry_run.devices import n_devices, strategy_name
from gpt_toolkit.dry_run.memory import LiveBytes, MemoryPlan, foreseen, planned, surely_fits
from gpt_toolkit.dry_run.output import size
from gpt_toolkit.dry_run.run_time import n_validations
from gpt_toolkit.dry_run.step_report import widest_batch
from gpt_toolkit.generation.language_model import LanguageModel
from gpt_toolkit.hardware import choose_precision
from gpt_toolkit.losses import linear_cross_entropy
from gpt_toolkit.optim import AdamW, Muon, OptimizerFactory
from gpt_toolkit.tokenizers import load_tokenizer
from tests.small_runs import TEXT

PRETRAIN = """\
trainer: {max_steps: 6, accelerator: cpu, devices: 1, val_check_interval: 3, check_val_every_n_epoch: null}
model:
  class_path: PretrainTask
  init_args:
    decoder: {n_layer: 1, n_head: 1, n_embd: 16}
    optimizer: {class_path: AdamW, init_args: {lr: 0.01}}
    schedule: {class_path: Linear}
data:
  class_path: CorpusDataModule
  init_args: {files: corpus.txt, tokenizer: bytes, n_ctx: 32, batch_size: 16, val_fraction: 0.1}
samples: {max_new_tokens: 5}
"""
FINETUNE = """\
trainer: {max_epochs: 2, accelerator: cpu, devices: 1}
model:
  class_path: FinetuneTask
  init_args:
    decoder: {n_layer: 2, n_head: 1, n_embd: 16}
    freeze_layers: 1
    optimizer: {class_path: AdamW, init_args: {lr: 0.01}}
data:
  class_path: SupervisedDataModule
  init_args: {sets: moods.csv, tokenizer: bytes, n_ctx: 32, batch_size: 8}
checkpoints: {monitor: val_score, mode: max}
"""


@dataclass
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str


Tell = Callable[..., Said]


@pytest.fixture
def tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Tell:
    """Runs a command in a folder with a corpus, a labelled file and a config for each."""
    monkeypatch.setenv("GPT_TOOLKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("GPT_TOOLKIT_TRACEBACK", raising=False)
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    Path("corpus.txt").write_text(TEXT, encoding="utf-8")
    Path("tiny.yaml").write_text(PRETRAIN, encoding="utf-8")
    Path("moods.yaml").write_text(FINETUNE, encoding="utf-8")
    with Path("moods.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for number in range(40):
            writer.writerow(
                [f"{'so ' * (number % 13)}{'good' if number % 2 else 'bad'} {number}", number % 2]
            )

    def tell(*arguments: object) -> Said:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return tell


# ---------------------------------------------------------------------- the report


def test_a_sound_run_is_described_and_nothing_is_written(tell: Tell) -> None:
    before = set(Path.cwd().iterdir())
    said = tell("doctor", "--config", "tiny.yaml")
    assert (said.code, said.err) == (0, "a few steps ...\n")
    assert set(Path.cwd().iterdir()) == before
    for line in (
        r"run         folder runs/tiny, nothing is written there now",
        r"data        corpus\.txt",
        r"train: 1 documents, 4,763 tokens \(0\.0 MB of text, 1\.00 bytes a token\), 148 windows of 32",
        r"token shards: .*cache/tokens/\w+",
        r"vocabulary  bytes, 257 token ids, fingerprint \w+",
        r"first training window, a bar between two tokens:\n +(\S|\|| )+\n +loss on every token",
        r"model       PretrainTask\n +1 layers of width 16, 1 heads of 16, context 32, vocabulary 257",
        r"7,936 parameters, 3,312 without embeddings",
        r"7,936 of 7,936 parameters are trained",
        r"memory      one device: .* \(counted on a step of 16 sequences of 32 tokens, the widest batch\)",
        r"weights 0\.0 MB, gradients 0\.0 MB, optimizer state 0\.1 MB, activations and workspace \d+\.\d MB",
        r"fits: .* are free on this machine's CPU",
        r"time        6 steps, 0\.67 epochs of 9; 2 validations",
        rf"{choose_precision().name}: .* a step, [\d,]+ tokens/s",
        r"a validation .*, and its sample ",
        r"the whole run \d+:\d\d, start-up apart \(from 3 timed steps\)\nall is well\n$",
    ):
        assert re.search(line, said.out), f"{line}\n{said.out}"


def test_the_rows_of_a_labelled_set_are_shown_as_figure_1_has_them(tell: Tell) -> None:
    said = tell("doctor", "--config", "moods.yaml")
    assert (said.code, said.err) == (0, "a few steps ...\n"), said.out
    assert "train 34 rows" in said.out
    assert (
        "moods, train row 0: 0\n                tokens: text 5\n                <start>b|a|d| |0<extract>\n"
    ) in said.out
    assert re.search(r"rows are cut to 32 tokens", said.out)
    assert "the auxiliary loss is on every token but <start>" in said.out
    [(trained, total)] = re.findall(r"([\d,]+) of ([\d,]+) parameters are trained", said.out)
    assert int(total.replace(",", "")) - int(trained.replace(",", "")) == 12 * 16 * 16 + 13 * 16
    assert re.search(r"10 steps, 2\.00 epochs of 5; 2 validations", said.out)
    assert re.search(r"examples/s", said.out)


def test_all_faults_are_told_at_once_with_their_ways_out(tell: Tell) -> None:
    said = tell(
        *("doctor", "--config", "tiny.yaml", "--model.decoder.n_head", 3, "--data.files", "corpse.txt"),
        *("--trainer.accelerator", "cpu", "--trainer.strategy", "fsdp", "--ckpt_path", "last"),
    )
    assert said.code == 1
    faults = said.out.partition("4 faults:\n")[2].splitlines()
    assert len(faults) == 4
    for fault, expected in zip(
        faults,
        (
            r"1\. decoder: n_head 3 does not divide n_embd 16; n_head could be",
            r"2\. --ckpt_path last: there is no runs/tiny/checkpoints/last\.ckpt",
            r"3\. trainer\.strategy is fsdp, which needs GPUs",
            r"4\. files: no file or folder 'corpse\.txt'",
        ),
        strict=True,
    ):
        assert re.match(f"  {expected}", fault)
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["--data.n_ctx", "0"], r"1\. CorpusDataModule: n_ctx is 0; it must be at least 1"),
        (
            ["--model.decoder.vocab_size", "200", "--model.decoder.n_ctx", "16"],
            r"has 257 token ids, .* vocab_size is 200: .*; the data's windows are 32 tokens .* length is 16",
        ),
        (["--model.optimizer", "null"], r"no optimizer: training needs --model\.optimizer"),
        (["--trainer.max_steps", "-1", "--trainer.max_epochs", "-1"], r"the schedule needs an end"),
        (
            ["--checkpoints.monitor", "val_score"],
            r"checkpoints\.monitor is val_score, .*; it logs val_bits_per_byte, val_loss, val_perplexity",
        ),
        (["--model.init_from", "nowhere"], r"nowhere: no such folder or file"),
    ],
)
def test_a_fault_that_fit_would_meet_later_is_found(arguments: list[str], fault: str, tell: Tell) -> None:
    said = tell("doctor", "--config", "tiny.yaml", *arguments)
    assert said.code == 1
    assert re.search(fault, said.out.partition("fault")[2]), said.out


def test_a_folder_with_a_run_is_a_fault_unless_the_run_goes_on(tell: Tell) -> None:
    tell("fit", "--config", "tiny.yaml", "--trainer.max_steps", 3)
    held = {path: path.stat().st_mtime_ns for path in Path("runs").rglob("*")}
    said = tell("doctor", "--config", "tiny.yaml")
    assert said.code == 1
    assert "1. runs/tiny already holds a run: go on with it by --ckpt_path last" in said.out
    again = tell("doctor", "--config", "tiny.yaml", "--ckpt_path", "last")
    assert again.code == 0
    assert "goes on from runs/tiny/checkpoints/last.ckpt" in again.out
    assert "3 steps, 0.33 epochs of 9; 1 validations" in again.out
    assert {path: path.stat().st_mtime_ns for path in Path("runs").rglob("*")} == held
    another = tell("doctor", "--config", "tiny.yaml", "--ckpt_path", "last", "--data.batch_size", 8)
    assert another.code == 1
    assert "the checkpoint was trained on" in another.out


def test_a_mistyped_option_is_answered_as_fit_does(tell: Tell) -> None:
    arguments = ("--config", "tiny.yaml", "--data.tokenizr", "x")
    said, fits = tell("doctor", *arguments), tell("fit", *arguments)
    assert (said.code, said.err) == (2, fits.err)


def test_what_is_too_large_is_foreseen_and_not_tried(tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpt_toolkit.dry_run.step_report.free_memory", lambda device: 200_000)
    said = tell("doctor", "--config", "tiny.yaml")
    assert said.code == 1
    assert "foreseen for 16 sequences of 32 tokens, from one and two layers" in said.out
    assert re.search(r"1\. a step needs .*, and 0\.2 MB are free .*: lower data\.batch_size", said.out)
    assert "a few steps" not in said.err


def test_what_trains_nothing_is_told_with_its_first_requests(tell: Tell) -> None:
    fields = {"vocab_size": 257, "n_ctx": 64, "n_layer": 1, "n_head": 2, "n_embd": 16}
    LanguageModel(Decoder(DecoderConfig.from_fields(fields)), load_tokenizer("bytes")).save("model")
    limit = ("--data.benchmarks", "storyworld:pronouns", "--data.limit", "2")
    benchmarks = tell("doctor", "--config", "gpt2/zero_shot", "--model.init_from", "model", *limit)
    assert benchmarks.code == 0, benchmarks.out
    assert re.search(r"storyworld:pronouns/paper-1: after .*  how likely is  ", benchmarks.out)
    assert "ZeroShotTask trains nothing: say test, validate or predict" in benchmarks.out
    Path("prompts.txt").write_text(f"Once\n{'Twice ' * 20}\n", encoding="utf-8")
    files = ("--data.files", "prompts.txt")
    prompts = tell("doctor", "--config", "text/generate", "--model.init_from", "model", *files)
    assert prompts.code == 1
    assert "O|n|c|e\n" in prompts.out
    assert re.search(r"1\. prompt 1, 'Twice .*: 120 tokens are more than the context length 64", prompts.out)


# ---------------------------------------------------------------------- memory


def test_live_bytes_follow_tensors_that_come_and_go() -> None:
    held = torch.ones(100)
    with LiveBytes([held]) as counter:
        assert counter.live == 400
        view = held[10:]
        more = held + 1
        assert counter.live == 800
        twice = view * 2
        assert counter.live == 1160
        del more
        assert counter.live == 760
        twice.mul_(3)
        del held, view
    assert (counter.live, counter.peak) == (360, 1160)


CONFIG = DecoderConfig(n_layer=4, n_head=2, n_embd=64, n_ctx=64, vocab_size=300, attn_pdrop=0.0)


def one_step(decoder: Decoder, factory: OptimizerFactory, n_sequences: int) -> tuple[Any, Callable[[], None]]:
    """An optimizer with its state, and what does a step."""
    optimizer = factory.build(decoder)
    ids = torch.randint(300, (n_sequences, 64), generator=torch.Generator().manual_seed(0))

    def step() -> None:
        loss = linear_cross_entropy(decoder(ids), decoder.wte.weight, ids)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()

    step()
    return optimizer, step


@pytest.mark.parametrize("factory", [AdamW(lr=0.01), Muon(lr=0.01, adamw_lr=0.01)])
def test_a_plan_is_within_15_percent_of_what_the_allocator_gives(factory: OptimizerFactory) -> None:
    decoder = Decoder(CONFIG)
    optimizer, step = one_step(decoder, factory, 8)
    plan = planned(decoder, optimizer, step)
    n_bytes = 4 * CONFIG.n_params
    assert (plan.weights, plan.gradients) == (n_bytes, n_bytes)
    states = [v for state in optimizer.state.values() for v in state.values()]
    assert plan.optimizer == sum(value.nbytes for value in states)
    cpu = torch.profiler.ProfilerActivity.CPU
    with torch.profiler.profile(activities=[cpu], profile_memory=True) as profiler:
        step()
    alive = np.cumsum(
        [e.nbytes() for e in profiler.profiler.kineto_results.events() if e.name() == "[memory]"]
    )
    measured = plan.weights + plan.optimizer + int(alive.max())
    assert plan.total == pytest.approx(measured, rel=0.15)


@pytest.mark.parametrize("factory", [AdamW(lr=0.01), Muon(lr=0.01, adamw_lr=0.01)])
def test_what_is_foreseen_from_two_layers_is_what_four_need(factory: OptimizerFactory) -> None:
    decoder = Decoder(CONFIG)
    plan = planned(decoder, *one_step(decoder, factory, 8))
    ahead = foreseen(CONFIG, factory, 8, 64, torch.device("cpu"), nullcontext)
    assert (ahead.weights, ahead.gradients, ahead.optimizer) == (plan.weights, plan.gradients, plan.optimizer)
    assert ahead.activations == pytest.approx(plan.activations, rel=0.1)


def test_a_careless_estimate_is_never_below_the_plan() -> None:
    decoder = Decoder(CONFIG)
    plan = planned(decoder, *one_step(decoder, AdamW(lr=0.01), 8))
    assert not surely_fits(CONFIG, 8, 64, 2 * plan.total)
    assert surely_fits(CONFIG, 8, 64, 10**9)
    assert surely_fits(CONFIG, 8, 64, None)


def test_devices_share_what_the_strategy_divides() -> None:
    plan = MemoryPlan(80, 80, 160, 7)
    assert plan.total == 327
    assert plan.divided("ddp", 1) == plan
    assert plan.divided("ddp", 4) == MemoryPlan(80, 160, 160, 7)
    for strategy in ("fsdp", "FSDPStrategy", "ModelParallelStrategy"):
        assert plan.divided(strategy, 4) == MemoryPlan(20, 20, 40, 7)
    assert plan.divided("DeepSpeedStrategy", 4) == MemoryPlan(80, 20, 40, 7)


@pytest.mark.parametrize(
    ("devices", "n"), [(1, 1), (4, 8), ("auto", 2), ("3", 6), ("0,1", 4), ([0, 1, 2], 6), (-1, 2)]
)
def test_devices_are_counted_over_nodes(devices: Any, n: int) -> None:
    nodes = 1 if devices == 1 else 2
    assert n_devices({"devices": devices, "accelerator": "cpu", "num_nodes": nodes}) == n
    assert strategy_name({"strategy": {"class_path": "lightning.pytorch.strategies.FSDPStrategy"}}) == (
        "FSDPStrategy"
    )


def test_sizes_are_readable() -> None:
    assert (size(1_540_000_000), size(23_000_000)) == ("1.54 GB", "23.0 MB")


def test_no_training_batch_is_wider_than_the_widest(tell: Tell) -> None:
    data = SupervisedDataModule("moods.csv", tokenizer="bytes", n_ctx=64, batch_size=6, bucket=2)
    data.prepare_data()
    data.setup("fit")
    batches: Any = data.train_dataloader().dataset
    sizes = [batches[i]["input_ids"].numel() for i in range(len(batches))]
    assert widest_batch(batches, data)()["input_ids"].numel() == max(sizes)


# ---------------------------------------------------------------------- time


class Counted(Callback):
    """Counts validations."""

    n = 0

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.n += 1


@pytest.mark.parametrize(
    ("settings", "accumulate"),
    [
        ({"val_check_interval": 5, "check_val_every_n_epoch": None, "max_epochs": 2}, 1),
        ({"val_check_interval": 3, "check_val_every_n_epoch": 1, "max_epochs": 2}, 1),
        ({"val_check_interval": 0.25, "check_val_every_n_epoch": 1, "max_epochs": 2}, 1),
        ({"val_check_interval": 3, "check_val_every_n_epoch": 2, "max_epochs": 1}, 1),
        ({"val_check_interval": 5, "check_val_every_n_epoch": None}, 1),
        ({"val_check_interval": 6, "check_val_every_n_epoch": None}, 2),
        ({"val_check_interval": 1.0, "check_val_every_n_epoch": 1}, 1),
        ({"val_check_interval": 0.5, "check_val_every_n_epoch": 1}, 1),
        ({"val_check_interval": 3, "check_val_every_n_epoch": 1}, 1),
        ({"val_check_interval": 1.0, "check_val_every_n_epoch": 2}, 1),
        ({"val_check_interval": 1.0, "check_val_every_n_epoch": 3}, 1),
    ],
)
def test_validations_are_counted_as_they_happen(
    settings: dict[str, Any], accumulate: int, tmp_path: Path
) -> None:
    counted = Counted()
    n_steps = 8 * settings["max_epochs"] if "max_epochs" in settings else 22 // accumulate
    quiet = {"logger": False, "enable_progress_bar": False}
    trainer = Trainer(
        max_steps=-1 if "max_epochs" in settings else n_steps,
        accelerator="cpu",
        limit_train_batches=8,
        limit_val_batches=1,
        num_sanity_val_steps=0,
        enable_model_summary=False,
        accumulate_grad_batches=accumulate,
        callbacks=[Checkpoints(), counted],
        default_root_dir=tmp_path,
        **quiet,  # type: ignore[arg-type]
        **settings,
    )
    trainer.fit(BoringModel())
    assert n_validations(settings, n_steps, 8 // accumulate, accumulate) == counted.n
