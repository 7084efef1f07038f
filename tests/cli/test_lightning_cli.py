"""The command line as a user calls it: files that it writes and messages that it prints."""

import errno
import gzip
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from lightning.pytorch import Trainer

import gpt_toolkit
from gpt_toolkit.cli import UsageError
from gpt_toolkit.cli.lightning_cli import repeat, take_seeds
from gpt_toolkit.cli.shipped_configs import find_config, shipped_configs
from gpt_toolkit.hardware import choose_precision
from gpt_toolkit.tasks import PretrainTask
from tests.commands import CONFIG, Tell, assert_refused, losses, metrics, weights
from tests.small_runs import TEXT

# ---------------------------------------------------------------------- a whole run


def test_a_run_from_prepare_to_predict(tell: Tell) -> None:
    prepared = tell("prepare", "--config", "tiny.yaml")
    assert re.fullmatch(
        r"corpus\.txt: train 4,762 tokens \(.*\), val 532 tokens \(.*\); in .*\n", prepared.out
    )
    assert (prepared.code, prepared.err) == (0, "")
    fit = tell("fit", "--config", "tiny.yaml")
    assert fit.code == 0
    precision = choose_precision("cpu").name
    first, second, *rest = fit.err.splitlines()
    assert first.startswith(f"precision: {precision} (this CPU has ")
    assert second == f"decoder: 7,936 parameters, context 32, vocabulary 257; CPU {precision}; 8 steps"
    speed = r"[\d,]+ tokens/s  [\d.]+ GFLOP/s \(\d+%\)(  waits for data \d+%)?"
    assert re.fullmatch(rf"step 8/8  loss \d\.\d{{3}}  val \d\.\d{{3}}  {speed}  left 0:00", rest[-2])
    assert re.fullmatch(
        rf"speed: {speed}  a step \S+ s, 95% within \S+ s  peak memory \d\.\d\d GiB", rest[-1]
    )
    shown = Path("runs/tiny/samples.txt").read_text(encoding="utf-8")
    assert shown.count("=== step") == 2
    assert "Tip" not in fit.err
    assert "available" not in fit.err
    assert re.fullmatch(
        r"val_loss (\d\.\d{4})  val_perplexity \d+\.\d{4}  val_bits_per_byte \d\.\d{4}\n"
        r"runs/tiny: model/ \(loads in transformers\), checkpoints/, metrics\.csv, "
        r"tensorboard/, samples\.txt\n"
        r"next: gpt-toolkit generate runs/tiny/model\n",
        fit.out,
    )
    names = {path.name for path in Path("runs/tiny").iterdir()}
    files = {"config.yaml", "metrics.csv", "samples.txt", "run.lock"}
    assert names == {"checkpoints", "tensorboard", "model", *files}
    card = Path("runs/tiny/model/README.md").read_text(encoding="utf-8")
    assert re.search(r"\| 1 to [48] \| corpus.txt \| \w+ \| [\d,]+ windows of 32 tokens \| [\d.]+ \|", card)
    assert re.search(r"Best validation of the run: val\\_loss [\d.]+", card)
    assert {path.name for path in Path("runs/tiny/checkpoints").iterdir()} == {"best.ckpt", "last.ckpt"}
    rows = metrics()
    assert [int(row["step"]) for row in rows] == list(range(1, 9))  # one row a step, validation in it
    assert [bool(row["val_loss"]) for row in rows] == [step in (4, 8) for step in range(1, 9)]
    assert all(float(row["train_loss"]) and float(row["tokens_per_second"]) for row in rows)

    validated = tell("validate", "--config", "runs/tiny/config.yaml", "--ckpt_path", "best")
    best = min(float(row["val_loss"]) for row in rows if row["val_loss"])
    [loss] = re.findall(r"val_loss +(\d\.\d{4})", validated.out)
    assert float(loss) == pytest.approx(best, abs=1e-4)
    assert validated.err == "checkpoint: runs/tiny/checkpoints/best.ckpt, step 8\n"

    tested = tell("test", "--config", "runs/tiny/config.yaml", "--ckpt_path", "best")
    assert re.search(r"val_loss +\d\.\d{4}\nval_perplexity +\d+\.\d{4}\nval_bits_per_byte", tested.out)
    assert tested.err == (
        "no test split; the validation split is scored, and its results are named val_\n"
        "checkpoint: runs/tiny/checkpoints/best.ckpt, step 8\n"
    )

    predicted = tell("predict", "--config", "tiny.yaml", "--ckpt_path", "last")
    assert predicted.out == "predictions: runs/tiny/predictions.jsonl\n"
    line = json.loads(Path("runs/tiny/predictions.jsonl").read_text(encoding="utf-8").partition("\n")[0])
    assert set(line) == {"tokens", "ids", "nll"}

    for model in ("runs/tiny/model", "runs/tiny/checkpoints/last.ckpt"):
        kind = ("--prompt", "Mira", "--max_new_tokens", 8, "--seed", 1, "--json")
        written = tell("generate", model, *kind)
        assert written.code == 0
        assert json.loads(written.out)["prompt"] == "Mira"
        assert tell("generate", model, *kind) == written


def test_a_finished_run_is_not_begun_again_but_continued(tell: Tell) -> None:
    tell("fit", "--config", "tiny.yaml", "--trainer.max_steps", 4)
    again = tell("fit", "--config", "tiny.yaml")
    message = (
        r"runs/tiny already holds a run: .*--ckpt_path last, .*another folder by --trainer\.default_root_dir"
    )
    assert_refused(again, message, 1)
    longer = tell("fit", "--config", "tiny.yaml", "--ckpt_path", "last")
    assert longer.code == 0
    assert "8 steps, 4 of them done" in longer.err
    assert [int(row["step"]) for row in metrics()] == list(range(1, 9))
    nothing_left = tell("fit", "--config", "tiny.yaml", "--ckpt_path", "last")
    assert nothing_left.code == 0
    assert nothing_left.out.startswith("trained to step 8; for more raise trainer.max_steps")
    elsewhere = ("--trainer.default_root_dir", "other", "--trainer.max_steps", 1)
    assert tell("fit", "--config", "tiny.yaml", *elsewhere).code == 0
    assert Path("other/checkpoints/last.ckpt").is_file()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_goes_on_to_the_same_bits(
    number: signal.Signals, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell("fit", "--config", "tiny.yaml", "--trainer.default_root_dir", "unbroken")
    step = PretrainTask.training_step

    def interrupted(task: PretrainTask, *arguments: Any) -> torch.Tensor:
        if task.global_step == 5:
            os.kill(os.getpid(), number)
        return step(task, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(PretrainTask, "training_step", interrupted)
        said = tell("fit", "--config", "tiny.yaml")
    assert said.code == 130
    assert (
        "saved at step 6: runs/tiny/checkpoints/last.ckpt\nresume: the same command with --ckpt_path last"
        in said.err
    )
    assert "Traceback" not in said.err
    assert tell("fit", "--config", "tiny.yaml", "--ckpt_path", "last").code == 0
    assert losses("runs/tiny") == losses("unbroken")
    ours, theirs = (weights(f"{run}/checkpoints/last.ckpt") for run in ("runs/tiny", "unbroken"))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_micro_batches_and_processes_give_the_losses_of_one_batch(tell: Tell) -> None:
    def arguments(run: str, batch_size: int) -> list[str]:
        same = ["--trainer.precision", "32-true", "--data.batch_size", str(batch_size)]
        return ["--trainer.default_root_dir", run, *same]

    assert tell("fit", "--config", "tiny.yaml", *arguments("one", 16)).code == 0
    four = ("--trainer.accumulate_grad_batches", 4, "--trainer.val_check_interval", 16)
    assert tell("fit", "--config", "tiny.yaml", *arguments("four", 4), *four).code == 0
    ddp = ["--trainer.strategy", "ddp", "--trainer.devices", "2", "--trainer.accelerator", "cpu"]
    command = [
        sys.executable,
        "-m",
        "gpt_toolkit",
        "fit",
        "--config",
        "tiny.yaml",
        *arguments("two", 8),
        *ddp,
    ]
    threads = {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | threads, check=False)
    assert done.returncode == 0, done.stderr
    assert "2 x CPU 32-true; 8 steps" in done.stderr
    assert len(done.stdout.splitlines()) == 3  # rank 0 alone speaks
    assert len(losses("one")) == 8
    assert losses("four") == pytest.approx(losses("one"), rel=1e-6)
    assert losses("two") == pytest.approx(losses("one"), rel=1e-6)
    for run in ("four", "two"):
        ours, ref = (
            [float(row["val_loss"]) for row in metrics(of) if row["val_loss"]] for of in (run, "one")
        )
        assert ours == pytest.approx(ref, rel=1e-5)


def test_max_epochs_end_a_line_at_zero(tell: Tell) -> None:
    end = ("--trainer.max_steps", -1, "--trainer.max_epochs", 2, "--trainer.val_check_interval", 100)
    assert "; 18 steps" in tell("fit", "--config", "tiny.yaml", *end).err
    assert [int(row["step"]) for row in metrics()] == list(range(1, 19))
    rates = [float(row["lr"]) for row in metrics()]
    assert rates[-1] == pytest.approx(0.01 / 18)  # the last update is one step above the end of the line
    assert rates[-2] > 0.0


def test_a_models_weights_are_measured_and_trained_on(tell: Tell) -> None:
    tell("fit", "--config", "tiny.yaml")
    [own] = re.findall(r"val_loss +(\S+)", tell("test", "--config", "tiny.yaml", "--ckpt_path", "best").out)
    from_model = ("--config", "tiny.yaml", "--model.init_from", "runs/tiny/model")
    [loss] = re.findall(r"val_loss +(\S+)", tell("test", *from_model).out)
    assert loss == own
    tell("fit", *from_model, "--trainer.default_root_dir", "second", "--trainer.max_steps", 1)
    assert losses("second")[0] < losses("runs/tiny")[2]
    assert_refused(tell("test", "--config", "tiny.yaml"), "test: no model; expected --ckpt_path best", 2)


# ---------------------------------------------------------------------- configs


def test_a_later_config_and_then_options_win(tell: Tell) -> None:
    Path("more.yaml").write_text("trainer: {max_steps: 3}\nsamples: {max_new_tokens: 0}\n")
    printed = tell("fit", "--config", "tiny.yaml", "--config=more.yaml", "--data.n_ctx", 16, "--print_config")
    assert printed.code == 0
    config = yaml.safe_load(printed.out)
    assert config["trainer"]["max_steps"] == 3
    assert config["trainer"]["val_check_interval"] == 4
    assert config["samples"]["max_new_tokens"] == 0
    assert config["data"]["init_args"]["n_ctx"] == 16
    assert printed.err == ""
    Path("printed.yaml").write_text(printed.out)
    assert tell("fit", "--config", "printed.yaml").code == 0
    assert len(metrics("runs/printed")) == 3


def test_shipped_configs_are_found_by_name_and_a_path_wins(place: Path) -> None:
    shipped = shipped_configs() / "text" / "shakespeare.yaml"
    for name in ("text/shakespeare", "text/shakespeare.yaml", "configs/text/shakespeare.yaml"):
        assert find_config(name) == shipped
    Path("text").mkdir()
    Path("text/shakespeare.yaml").write_text("trainer: {}\n")
    assert find_config("text/shakespeare.yaml") == Path("text/shakespeare.yaml")


def test_a_run_is_called_after_its_first_config(tell: Tell) -> None:
    Path("more.yaml").write_text("trainer: {max_steps: 1}\n")
    tell("fit", "--config", "tiny.yaml", "--config", "more.yaml")
    assert Path("runs/tiny").is_dir()


@pytest.mark.parametrize("is_in_config", [True, False])
def test_a_class_in_the_current_folder_is_found(is_in_config: bool, tell: Tell, place: Path) -> None:
    """Search the current folder, as ``python -m`` does and a console script does not."""
    Path("sums.py").write_text(
        "from gpt_toolkit.data.pretraining.datamodule import CorpusDataModule\n"
        "class SumsDataModule(CorpusDataModule):\n"
        '    """A class of the user."""\n'
    )
    if is_in_config:
        Path("mine.yaml").write_text(CONFIG.replace("CorpusDataModule", "sums.SumsDataModule"))
        given = ["--config", "mine.yaml", "--allow", "sums"]
    else:
        options = {"files": "corpus.txt", "tokenizer": "bytes", "n_ctx": 32, "val_fraction": 0.1}
        given = ["--config", "tiny.yaml", "--data", "sums.SumsDataModule"]
        given += [part for name, value in options.items() for part in (f"--data.{name}", str(value))]
    code = "import sys; from gpt_toolkit.cli import main; sys.exit(main())"
    root = str(Path(gpt_toolkit.__file__).parents[1])
    command = [sys.executable, "-P", "-c", code, "fit", *given, "--trainer.max_steps", "1"]
    environment = os.environ | {"PYTHONPATH": root, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr


# ---------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--model.optimzer.lr", "1e-3"],
            r"no option --model\.optimzer\.lr: did you mean --model\.optimizer\.lr\?$",
        ),
        (
            ["--model.optimzer.lr=1e-3"],
            r"no option --model\.optimzer\.lr: did you mean --model\.optimizer\.lr\?$",
        ),
        (["--data.tokenizr", "x"], r"no option --data\.tokenizr: did you mean --data\.tokenizer\?$"),
        (["--samples.promt", "x"], r"no option --samples\.promt: did you mean --samples\.prompt\?$"),
        (["--trainer.max_step", "3"], r"no option --trainer\.max_step: did you mean --trainer\.max_steps\?$"),
        (["--model.optimizer.momentum", "0.9"], r"no option --model\.optimizer\.momentum of the class"),
        (
            ["--model.decoder.n_head", "7"],
            r"--model\.decoder\.n_head: .*n_head: 7; expected a divisor of n_embd 16, such as 1, 2, 4, 8$",
        ),
        (
            ["--model.decoder.n_heads", "4"],
            r"no option --model\.decoder\.n_heads: did you mean --model\.decoder\.n_head\?",
        ),
        (["--model.decoder", "gpt-mirco"], r"decoder preset: 'gpt-mirco' \(did you mean gpt-micro\?\)"),
        (
            ["--model.optimizer", "Moun"],
            r": --model\.optimizer: no class Moun: did you mean Muon\?$",
        ),
        (
            ["--data", "nowhere.module.Mine"],
            r": --data: nowhere\.module\.Mine cannot be imported",
        ),
        (
            ["--model.optimizer", "nowhere.Mine"],
            r": --model\.optimizer: nowhere\.Mine cannot be imported",
        ),
        (
            ["--model", "gpt_toolkit.tasks.PretrainTusk"],
            r": --model: gpt_toolkit\.tasks\.PretrainTusk cannot be imported",
        ),
        (
            ["--data", "gpt_toolkit.tasks.PretrainTask"],
            r": --data: expected a subclass of LightningDataModule, got 'gpt_toolkit\.tasks\.PretrainTask'$",
        ),
        (
            ["--trainer.accelerator", "gpuu"],
            r": --trainer\.accelerator: gpuu; .* \(did you mean gpu\?\)$",
        ),
        (
            ["--trainer.precision", "bf17"],
            r": --trainer\.precision: expected 64, 32, 16, .*, got 'bf17'$",
        ),
        (["--trainer.max_epochs", "a"], r": --trainer\.max_epochs: expected int, null, got 'a'$"),
        (
            ["--model.optimizer.betas", "[1, 2, 3]"],
            r": --model\.optimizer\.betas: expected tuple with 2 elements, got",
        ),
        (["--data.n_ctx", "-3"], r": --data\.n_ctx: -3; expected at least 1"),
        (
            ["--model.schedule.warmup_steps", "-1"],
            r": --model\.schedule\.warmup_steps: -1\.0; expected 0 or more$",
        ),
        (["--trainer.callbacks+=Nope"], r": --trainer\.callbacks: no class Nope$"),
        (["--lr", "1e-3"], r"no option --lr: did you mean --model\.optimizer\.lr\?$"),
        (
            ["--model.lm_coef", "1"],
            r"no option --model\.lm_coef of the class that is chosen; it is an option of FinetuneTask$",
        ),
        (["--nonsense"], r"no option --nonsense; there are allow, budget, .*, trainer$"),
        (["extra"], r"'extra' follows no option; options begin with --$"),
        (["--config"], r"expected one argument$"),
        (["--config", "text/shakespear"], r"no config 'text/shakespear', .*did you mean text/shakespeare\?$"),
    ],
)
def test_a_mistyped_option_is_answered_in_one_line(arguments: list[str], message: str, tell: Tell) -> None:
    assert_refused(tell("fit", "--config", "tiny.yaml", *arguments), message, 2)
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("optimizer:", "optimzer:", r"no option model\.optimzer\.lr: did you mean model\.optimizer\.lr\?$"),
        ("max_steps", "max_stepz", r"no option trainer\.max_stepz: did you mean trainer\.max_steps\?$"),
        ("trainer:", "trainr:", r"no option trainr\.max_steps: did you mean trainer\.max_steps\?$"),
        ("AdamW", "Moun", r"model\.optimizer: no class Moun: did you mean Muon\?$"),
        ("PretrainTask", "PretrainTaks", r"model: no class PretrainTaks: did you mean PretrainTask\?$"),
        ("n_ctx: 32", "n_ctx: a", r"data\.n_ctx: expected int, got 'a'$"),
        ("AdamW", "Muon", r"model\.optimizer: a value is needed for adamw_lr$"),
        (
            "n_head: 1",
            "n_heads: 1",
            r"no option model\.decoder\.n_heads: did you mean model\.decoder\.n_head\?$",
        ),
        ("samples: {", "samples: [", r"bad\.yaml:\d+: invalid YAML: "),
        ("trainer:\n  max", "trainer:\n\tmax", r"bad\.yaml:2: invalid YAML: found character"),
        (CONFIG, "", r"bad\.yaml: contains nothing; expected settings"),
        (CONFIG, "- a\n- b\n", r"bad\.yaml: contains a list; expected settings"),
        (CONFIG, "\x00", r"bad\.yaml: invalid YAML"),
        (CONFIG, "trainer: {max_steps: 3}\n", r"the config has no model or no data; add --config NAME"),
    ],
)
def test_a_mistake_in_a_config_is_answered_in_one_line(old: str, new: str, message: str, tell: Tell) -> None:
    assert old in CONFIG
    Path("bad.yaml").write_text(CONFIG.replace(old, new, 1))
    assert_refused(tell("fit", "--config", "bad.yaml"), message, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fti"], r"no verb 'fti': did you mean fit\?$"),
        (["fit"], r"no config: expected a model and data; add --config NAME, such as"),
        (["fit", "--data.files", "novel.txt"], r"no config: .*; add --config text/own$"),
        (["fit", "--data.sets", "a.csv"], r"no config: .*; add --config text/finetune$"),
        (["train"], r"no verb 'train': did you mean fit\?$"),
        (["finetune"], r"no verb 'finetune': did you mean fit --config text/finetune\?$"),
        (["sample"], r"no verb 'sample': did you mean generate\?$"),
        (["generate"], r"generate: the following arguments are required: MODEL$"),
        (
            ["generate", "m", "--tempature", "1"],
            r"generate: no option --tempature: did you mean --temperature\?$",
        ),
        (["generate", "m", "--dtype", "float31"], r"generate: no 'float31': did you mean float32\?$"),
        (["tokenizer", "trian"], r"tokenizer: no 'trian': did you mean train\?$"),
    ],
)
def test_a_wrong_call_is_answered_in_one_line(arguments: list[str], message: str, tell: Tell) -> None:
    assert_refused(tell(*arguments), message, 2)


def test_help_and_version_are_answers(tell: Tell) -> None:
    assert tell("--help").out.startswith("usage: gpt-toolkit")
    assert tell().code == 2
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", tell("--version").out)
    assert tell("tokenizer", "--help").code == 0
    assert "--max_new_tokens" in tell("generate", "--help").out


def test_a_mistyped_file_is_answered_with_its_option_and_the_nearest_file(tell: Tell) -> None:
    refused = tell("fit", "--config", "tiny.yaml", "--data.files", "corpsu.txt")
    assert_refused(refused, r": --data\.files: 'corpsu\.txt'.* \(did you mean corpus\.txt\?\)$", 1)


def write_records(path: Path) -> None:
    path.write_text('{"text": "one"}\n{"title": "two"}\n')


@pytest.mark.parametrize(
    ("write", "name", "message"),
    [
        (
            lambda path: None,
            "nothere.txt",
            r"files: 'nothere\.txt' not found in .*; expected a file or folder",
        ),
        (lambda path: path.write_text(""), "empty.txt", r"empty\.txt: no training text"),
        (
            lambda path: path.write_bytes(b"F\xfchrer " * 100),
            "latin.txt",
            r"latin\.txt: byte 0xfc at offset 1; expected UTF-8 text",
        ),
        (
            lambda path: path.write_bytes(gzip.compress(TEXT.encode())[:-20]),
            "cut.txt.gz",
            r"cut\.txt\.gz: .*; expected gzip",
        ),
        (write_records, "a.jsonl", r"a\.jsonl, line 2: no field 'text'; expected one of title"),
        (
            lambda path: path.write_text("short"),
            "short.txt",
            r"training text: \d tokens; expected at least 33 for n_ctx=32",
        ),
        (lambda path: path.write_text("a"), "a.csv", r"unknown format of a\.csv"),
    ],
)
def test_bad_text_is_refused_by_name_and_leaves_nothing_to_trust(
    write: Callable[[Path], Any], name: str, message: str, tell: Tell, tmp_path: Path
) -> None:
    write(Path(name))
    for _ in range(2):  # what the first time left is not taken for tokens the second time
        assert_refused(tell("fit", "--config", "tiny.yaml", "--data.files", name), message, 1)
    assert not list(Path("runs").rglob("*.ckpt"))


def test_the_tokenizer_and_the_model_must_belong_together(tell: Tell) -> None:
    assert_refused(
        tell("fit", "--config", "tiny.yaml", "--model.decoder.vocab_size", 100),
        r"tokenizer: 257 token ids; expected at most 100, the decoder's vocab_size",
        1,
    )
    assert_refused(
        tell("fit", "--config", "tiny.yaml", "--data.tokenizer", "gpt3"), r"tokenizer: 'gpt3'.*gpt2", 1
    )
    tell("fit", "--config", "tiny.yaml")
    trained = tell("tokenizer", "train", "corpus.txt", "--vocab_size", 257, "--output", "vocabulary")
    assert trained.code == 0
    assert_refused(
        tell("fit", "--config", "tiny.yaml", "--ckpt_path", "last", "--data.tokenizer", "vocabulary"),
        r"tokenizer of the data: \w+; expected \w+, as in the checkpoint; choose the tokenizer",
        1,
    )
    other = ("--model.init_from", "runs/tiny/model", "--data.tokenizer", "vocabulary")
    assert_refused(
        tell("fit", "--config", "tiny.yaml", "--trainer.default_root_dir", "other", *other),
        r"data\.tokenizer: vocabulary; expected the token ids of the tokenizer of runs/tiny/model; leave",
        1,
    )
    assert_refused(tell("generate", "runs/tiny/model", "--prompt", "word " * 20), r"100 tokens.*32", 1)
    assert_refused(tell("tokenizer", "decode", "bytes", 300), "token id: 300; expected 0 to 256", 1)


@pytest.mark.parametrize("verb", ["fit", "validate", "test", "predict"])
def test_a_checkpoint_that_is_not_there_is_not_passed_over(verb: str, tell: Tell) -> None:
    message = r"--ckpt_path: last, runs/tiny/checkpoints/last\.ckpt not found"
    assert_refused(tell(verb, "--config", "tiny.yaml", "--ckpt_path", "last"), message, 1)
    message = r"--ckpt_path x\.ckpt: file not found; expected a file, last or best"
    assert_refused(tell(verb, "--config", "tiny.yaml", "--ckpt_path", "x.ckpt"), message, 1)


def test_a_full_disk_is_one_line_and_what_was_saved_before_is_whole(
    tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = Trainer.save_checkpoint

    def full(trainer: Trainer, path: Path, **options: Any) -> None:
        if trainer.global_step == 8:
            Path(path).write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        save(trainer, path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "save_checkpoint", full)
        said = tell("fit", "--config", "tiny.yaml")
    assert said.code == 1
    assert "Traceback" not in said.err
    assert re.search(
        r"gpt-toolkit: could not write runs/tiny/checkpoints/best\.ckpt \(No space left on device; "
        r"[\d,]+ MB are free there\): make room, then resume from the last complete "
        r"checkpoint with --ckpt_path last$",
        said.err,
    )
    assert {path.name for path in Path("runs/tiny/checkpoints").iterdir()} == {"best.ckpt", "last.ckpt"}
    assert tell("fit", "--config", "tiny.yaml", "--ckpt_path", "last").code == 0
    assert [int(row["step"]) for row in metrics()] == list(range(1, 9))


def test_a_developer_gets_the_traceback(tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPT_TOOLKIT_TRACEBACK", "1")
    with pytest.raises(FileNotFoundError, match=r"nothere\.txt"):
        tell("fit", "--config", "tiny.yaml", "--data.files", "nothere.txt")


def test_an_error_that_no_message_foresees_is_one_line(tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("tokenizer", "encode", "bytes", "a")
    monkeypatch.setattr("gpt_toolkit.tokenizers.loading._LOADERS", {"bytes": {}.__getitem__})
    said = tell(*arguments)
    assert_refused(said, r"internal error: \w+Error: .* \(\w+\.py:\d+\); please report it", 1)
    monkeypatch.setenv("GPT_TOOLKIT_TRACEBACK", "1")
    with pytest.raises(TypeError):
        tell(*arguments)


def test_an_error_in_code_of_the_user_keeps_its_traceback(
    tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def own(*_: Any) -> int:
        raise KeyError("mine")

    monkeypatch.setattr("gpt_toolkit.cli.tokenizer.run", own)
    with pytest.raises(KeyError, match="mine"):
        tell("tokenizer", "encode", "bytes", "a")


def test_ctrl_c_outside_of_training_is_130(tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("gpt_toolkit.cli.tokenizer.run", interrupted)
    assert tell("tokenizer", "encode", "bytes", "a").code == 130


# ---------------------------------------------------------------------- explanations


@pytest.mark.parametrize(
    ("given", "kept"),
    [({}, "5000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "ACTIVE"}, None)],
)
def test_threads_spin_briefly_unless_the_user_says_otherwise(
    given: dict[str, str], kept: str | None, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.setenv(name, "")  # so that what the command sets is undone
        monkeypatch.delenv(name)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert tell("tokenizer", "--help").code == 0
    assert os.environ.get("GOMP_SPINCOUNT") == kept


def test_a_config_that_is_nowhere_is_refused() -> None:
    with pytest.raises(UsageError, match="neither a file nor a shipped one"):
        find_config("nowhere/nothing")


def test_the_number_of_seeds_is_taken_out_of_the_arguments() -> None:
    assert take_seeds(["--config", "x", "--seeds", "5", "--data.sets", "rte"]) == (
        ["--config", "x", "--data.sets", "rte"],
        5,
    )
    assert take_seeds(["--seeds=3"]) == ([], 3)
    assert take_seeds(["--config", "x"]) == (["--config", "x"], 1)


@pytest.mark.parametrize("arguments", [["--seeds"], ["--seeds", "many"], ["--seeds=0"], ["--seeds", "-1"]])
def test_an_invalid_number_of_seeds_is_refused(arguments: list[str]) -> None:
    with pytest.raises(UsageError, match="expected a number of seeds"):
        take_seeds(arguments)


def test_seeds_exclude_options_of_a_single_run() -> None:
    for given in (["--ckpt_path", "last"], ["--ckpt_path=last"]):
        with pytest.raises(UsageError, match="--seeds: given with --ckpt_path; expected new runs"):
            take_seeds(["--seeds", "2", *given])


def test_a_repeated_run_prints_mean_interval_and_median(capsys: pytest.CaptureFixture[str]) -> None:
    asked = []

    def run(seed: int) -> dict[str, float]:
        asked.append(seed)
        return {"val_accuracy": 0.5 + 0.1 * seed, **({"only_once": 1.0} if seed == 0 else {})}

    repeat(3, run)
    assert asked == [0, 1, 2]
    said = capsys.readouterr().out
    assert "seed 2 (3 of 3)" in said
    assert "val_accuracy                 0.6000 +- 0.2484  (median 0.6000)" in said
    assert "only_once" not in said
