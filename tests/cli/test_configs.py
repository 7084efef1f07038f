"""Every shipped config: it parses, trains, names the sources of its numbers, and is listed with its facts."""

import math
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import yaml
from lightning.pytorch.strategies import FSDPStrategy, ModelParallelStrategy

from gpt_toolkit import optim
from gpt_toolkit.backbone import PRESETS, Decoder, DecoderConfig, decoder_fields
from gpt_toolkit.backbone.block import Block
from gpt_toolkit.cli import main
from gpt_toolkit.cli.configs import presets, recipes
from gpt_toolkit.cli.lightning_cli import ToolkitCLI
from gpt_toolkit.cli.run_folder import SaveConfig
from gpt_toolkit.cli.shipped_configs import shipped_configs
from gpt_toolkit.dry_run.memory import forecast_step
from gpt_toolkit.generation.language_model import LanguageModel
from gpt_toolkit.hardware import choose_precision
from gpt_toolkit.tokenizers import load_tokenizer
from tests.commands import Tell, assert_refused
from tests.small_runs import TEXT

FOLDER = shipped_configs()
CONFIGS = sorted(FOLDER.rglob("*.yaml"))
OVERLAYS = [path for path in CONFIGS if path.parent.name == "strategy"]
EVALUATIONS = [path for path in CONFIGS if path.stem in ("generate", "zero_shot")]
RUNS = [path for path in CONFIGS if path not in OVERLAYS + EVALUATIONS]

REDUCED = [
    *("--trainer.accelerator", "cpu", "--trainer.devices", "1", "--trainer.max_steps", "1"),
    *("--trainer.accumulate_grad_batches", "1", "--trainer.val_check_interval", "1"),
    *("--trainer.limit_val_batches", "1", "--samples.max_new_tokens", "3"),
    *("--model.decoder.n_layer", "1", "--model.decoder.n_head", "2", "--model.decoder.n_embd", "16"),
    *("--data.tokenizer", "bytes", "--data.n_ctx", "32", "--data.batch_size", "2"),
]
REDUCED_BY_DATA = {
    "CorpusDataModule": [
        *("--data.val_fraction", "0.1", "--model.decoder.vocab_size", "257", "--model.decoder.n_ctx", "32"),
    ],
    "SupervisedDataModule": [
        *("--model.init_from", "null", "--model.transfer_layers", "null"),
        *("--model.decoder.vocab_size", "260", "--model.decoder.n_ctx", "32"),
    ],
}
LABELLED = "text,label\n" + "".join(f"row {i} is {'ab'[i % 2]},{'ab'[i % 2]}\n" for i in range(60))


def name_of(path: Path) -> str:
    return path.relative_to(FOLDER).with_suffix("").as_posix()


@pytest.fixture(autouse=True)
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPT_TOOLKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    Path("corpus.txt").write_text(TEXT, encoding="utf-8")
    Path("rows.csv").write_text(LABELLED, encoding="utf-8")


def data_of(config: Path) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(config.read_text(encoding="utf-8"))["data"]
    return data


def text_for(config: Path) -> list[str]:
    """Return options that give a config its text or examples, if it has none."""
    own = data_of(config).get("init_args", {})
    if "sets" in own:
        in_world = "storyworld" in str(own["sets"])
        return (
            ["--data.train_rows", "40", "--data.val_rows", "8"] if in_world else ["--data.sets", "rows.csv"]
        )
    return ["--data.limit_documents", "40"] if "dataset" in own else ["--data.files", "corpus.txt"]


def test_there_are_the_configs_that_the_plan_names() -> None:
    sizes = {f"gpt2/pretrain_{size}" for size in ("small", "medium", "large", "xl")}
    planned = {"gpt1/pretrain", "text/shakespeare", "text/novels", "strategy/ddp", "strategy/fsdp", *sizes}
    planned |= {f"gpt1/finetune_{name}" for name in ("snli", "mnli", "scitail", "qnli", "rte", "race")}
    planned |= {f"gpt1/finetune_{name}" for name in ("story_cloze", "cola", "sst2", "mrpc", "qqp", "stsb")}
    planned |= {f"gpt1/ablation_{name}" for name in ("no_pretraining", "no_aux", "layers")}
    planned |= {"gpt1/multitask", "text/finetune", "text/generate"}
    assert planned <= set(map(name_of, CONFIGS))


@pytest.mark.parametrize("config", RUNS, ids=name_of)
def test_a_config_parses_as_it_stands(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "--config", name_of(config), *text_for(config), "--print_config"]) == 0
    parsed = yaml.safe_load(capsys.readouterr().out)
    written = yaml.safe_load(config.read_text(encoding="utf-8"))
    assert parsed["trainer"].items() >= written["trainer"].items()
    assert (
        parsed["model"]["init_args"].items()
        >= {
            key: value
            for key, value in written["model"]["init_args"].items()
            if key not in ("optimizer", "schedule")
        }.items()
    )


@pytest.mark.parametrize("config", RUNS, ids=name_of)
def test_a_config_trains_for_a_batch_at_a_reduced_size(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reduced = REDUCED + REDUCED_BY_DATA[data_of(config)["class_path"]]
    code = main(["fit", "--config", name_of(config), *text_for(config), *reduced])
    assert code == 0, capsys.readouterr().err
    run = Path("runs", config.stem)
    assert (run / "checkpoints" / "best.ckpt").is_file()
    assert (run / "model" / "model.safetensors").is_file()
    used = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    written = yaml.safe_load(config.read_text(encoding="utf-8"))
    assert "precision" not in written["trainer"]
    assert used["trainer"]["precision"] == choose_precision("cpu").name
    for part in ("optimizer", "schedule"):
        ours, theirs = (content["model"]["init_args"][part] for content in (used, written))
        assert ours["class_path"].endswith(theirs["class_path"])
        assert ours["init_args"].items() >= theirs.get("init_args", {}).items()


@pytest.mark.parametrize("overlay", OVERLAYS, ids=name_of)
def test_an_overlay_parses_on_top_of_a_run(
    overlay: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    base = ["--config", "text/shakespeare", "--data.files", "corpus.txt"]
    assert main(["fit", *base, "--config", name_of(overlay), "--print_config"]) == 0
    parsed = yaml.safe_load(capsys.readouterr().out)["trainer"]
    written = yaml.safe_load(overlay.read_text(encoding="utf-8"))["trainer"]
    assert parsed["devices"] == written["devices"]
    assert parsed["max_steps"]  # of the run below
    strategies: list[Any] = []

    def instantiate(cli: ToolkitCLI) -> None:
        strategies.append(cli.parser.instantiate_classes(cli.config).fit.trainer.strategy)
        raise SystemExit

    if overlay.stem == "deepspeed":  # which is not among the requirements
        return
    monkeypatch.setattr(ToolkitCLI, "_instantiate", instantiate)
    assert main(["fit", *base, "--config", name_of(overlay)]) == 0
    [strategy] = strategies
    if overlay.stem == "ddp":
        assert strategy == "ddp"
    elif overlay.stem == "fsdp":
        assert isinstance(strategy, FSDPStrategy)
        assert strategy.kwargs["auto_wrap_policy"]._module_classes == {Block}
    else:
        assert isinstance(strategy, ModelParallelStrategy)
        sizes = strategy._data_parallel_size, strategy._tensor_parallel_size
        assert math.prod(map(int, sizes)) == written["devices"]


@pytest.mark.parametrize("config", CONFIGS, ids=name_of)
def test_a_saved_config_reloads_to_equal_settings(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare every setting, nulls too, with the ``config.yaml`` of a run."""
    parsed: list[ToolkitCLI] = []

    def stop(cli: ToolkitCLI) -> None:
        parsed.append(cli)
        raise SystemExit

    monkeypatch.setattr(ToolkitCLI, "before_instantiate_classes", stop)
    base = ["--config", "text/shakespeare"] if config in OVERLAYS else []
    text = text_for(config) if config in RUNS else ["--data.files", "corpus.txt"] if base else []
    if config.stem == "generate":
        text = ["--data.files", "corpus.txt", "--model.init_from", "model"]
    assert main(["fit", *base, "--config", name_of(config), *text]) == 0
    [cli] = parsed
    settings = cli.settings.clone()
    run = Path("run")
    trainer = SimpleNamespace(
        is_global_zero=True, max_steps=settings.trainer.max_steps, default_root_dir=str(run)
    )
    SaveConfig(cli._parser("fit"), settings).on_train_start(trainer, None)  # type: ignore[arg-type]
    assert main(["fit", "--config", "run/config.yaml"]) == 0
    assert parsed[1].settings.as_dict() | {"config": None} == settings.as_dict() | {"config": None}
    written = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    for key in ("max_epochs", "check_val_every_n_epoch", "limit_val_batches"):
        assert written["trainer"][key] == settings.trainer[key]


@pytest.mark.parametrize("config", CONFIGS, ids=name_of)
def test_a_config_says_how_it_is_run(config: Path) -> None:
    lines = config.read_text(encoding="utf-8").splitlines()
    header = "\n".join(lines[: next(i for i, line in enumerate(lines) if not line.startswith("#"))])
    command = re.search(r"^#   gpt-toolkit \w+ (.*--config (\S+).*)$", header, flags=re.MULTILINE)
    assert command, header
    named = re.findall(r"--config (\S+)", command[1])
    assert named[-1] == name_of(config)
    assert all((FOLDER / f"{name}.yaml").is_file() for name in named)


@pytest.mark.parametrize("config", RUNS + EVALUATIONS, ids=name_of)
def test_every_number_of_a_config_has_its_source(config: Path) -> None:
    part = ""
    for number, line in enumerate(config.read_text(encoding="utf-8").splitlines(), start=1):
        if word := re.match(r"(\w+):", line):
            part = word[1]
        setting = line.partition("#")[0]
        if part in ("trainer", "model", "data", "checkpoints", "samples") and re.search(r"[ \[]\d", setting):
            assert "#" in line, f"{config}, line {number}: where is this number from?"


@pytest.mark.parametrize("config", EVALUATIONS, ids=name_of)
def test_a_config_that_trains_nothing_runs_on_a_model(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fields = {"vocab_size": 257, "n_ctx": 64, "n_layer": 1, "n_head": 2, "n_embd": 16}
    LanguageModel(Decoder(DecoderConfig.from_fields(fields)), load_tokenizer("bytes")).save("tiny")
    if config.stem == "generate":
        verb, own = "predict", ["--data.files", "prompts.txt", "--model.max_new_tokens", "3"]
        Path("prompts.txt").write_text("Once\nTwice upon\n", encoding="utf-8")
    else:
        verb, own = "test", ["--data.benchmarks", "storyworld:pronouns", "--data.limit", "2"]
    arguments = ["--model.init_from", "tiny", "--trainer.accelerator", "cpu", "--trainer.devices", "1"]
    code = main([verb, "--config", name_of(config), *own, *arguments])
    assert code == 0, capsys.readouterr().err
    assert ("predictions:" if verb == "predict" else "accuracy") in capsys.readouterr().out


# ---------------------------------------------------------------------- gpt-toolkit configs


def test_the_list_has_every_config_with_its_facts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["configs"]) == 0
    listed = capsys.readouterr().out
    found = list(recipes())
    assert sorted(recipe.name for recipe in found) == sorted(map(name_of, CONFIGS))
    marked = ("measured", "estimated", "published", "depends on")
    for recipe in found:
        assert f"\n{recipe.name} " in f"\n{listed}"
        assert recipe.what in listed
        assert recipe.command.startswith("gpt-toolkit ")
        if not recipe.name.startswith("strategy/"):
            assert recipe.data
            assert any(word in recipe.time for word in marked), recipe
            assert any(word in recipe.memory for word in marked), recipe
    assert main(["configs", "text"]) == 0
    shorter = capsys.readouterr().out
    assert "text/own" in shorter
    assert "gpt1/" not in shorter


def test_a_config_is_printed_as_it_is_in_the_package(capsys: pytest.CaptureFixture[str], tell: Tell) -> None:
    assert main(["configs", "text/own"]) == 0
    assert capsys.readouterr().out == (FOLDER / "text" / "own.yaml").read_text(encoding="utf-8")
    assert_refused(tell("configs", "text/onw"), r"no config 'text/onw', .*did you mean text/own\?$", 2)


def built(config: Path) -> DecoderConfig:
    """Return the decoder that ``fit`` would build for a config of Storyworld or a paper's pre-training."""
    settings = yaml.safe_load(config.read_text(encoding="utf-8"))
    data = settings["data"]["init_args"]
    fields = {"n_ctx": data["n_ctx"], "vocab_size": load_tokenizer("storyworld").vocab_size}
    return DecoderConfig.from_fields(fields | decoder_fields(settings["model"]["init_args"]["decoder"]))


@pytest.mark.parametrize(
    "name", ["storyworld/quickstart", "storyworld/scaling_nano", "storyworld/pretrain", "gpt2/pretrain_small"]
)
def test_size_and_memory_of_a_config_are_those_of_its_decoder(name: str) -> None:
    [recipe] = [recipe for recipe in recipes() if recipe.name == name]
    path = FOLDER / f"{name}.yaml"
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    config = built(path)
    with torch.device("meta"):
        n_params = sum(parameter.numel() for parameter in Decoder(config).parameters())
    assert recipe.size == f"{n_params / 1e6:,.2f} M parameters"
    chosen = settings["model"]["init_args"]["optimizer"]
    optimizer = getattr(optim, chosen["class_path"])(**chosen["init_args"])
    batch = settings["data"]["init_args"]["batch_size"]
    forecast = forecast_step(config, optimizer, batch, config.n_ctx, torch.bfloat16).total
    written = re.match(r"(\d+) (MB|GB)", recipe.memory)
    assert written
    assert int(written[1]) * {"MB": 1e6, "GB": 1e9}[written[2]] == pytest.approx(forecast, rel=0.05)


def test_presets_are_listed_with_the_size_of_their_decoder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["configs"]) == 0
    listed = capsys.readouterr().out
    assert [preset.name for preset in presets()] == list(PRESETS)
    for preset in presets():
        config = DecoderConfig.from_preset(preset.name, n_ctx=preset.n_ctx, vocab_size=preset.vocab_size)
        with torch.device("meta"):
            assert preset.n_params == sum(each.numel() for each in Decoder(config).parameters())
        size = f"{preset.n_params / 1e6:,.1f} M"
        assert re.search(rf"{preset.name} +{preset.n_layer} layers, {preset.n_head} heads.* {size} ", listed)
