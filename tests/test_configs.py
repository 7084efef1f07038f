"""Every config that comes with the package: it parses, trains, and says where its numbers are from."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from lightning.pytorch.strategies import FSDPStrategy

from gpt_toolkit.backbone.block import Block
from gpt_toolkit.cli import main
from gpt_toolkit.cli.configs import shipped_configs
from gpt_toolkit.cli.trainer_verbs import ToolkitCLI
from tests.tasks.conftest import TEXT

FOLDER = shipped_configs()
CONFIGS = sorted(FOLDER.rglob("*.yaml"))
OVERLAYS = [path for path in CONFIGS if path.parent.name == "strategy"]
RUNS = [path for path in CONFIGS if path not in OVERLAYS]

REDUCED = [
    *("--trainer.accelerator", "cpu", "--trainer.devices", "1", "--trainer.max_steps", "1"),
    *("--trainer.accumulate_grad_batches", "1", "--trainer.val_check_interval", "1"),
    *("--trainer.limit_val_batches", "1"),
    *("--model.decoder.n_layer", "1", "--model.decoder.n_head", "2", "--model.decoder.n_embd", "16"),
    *("--model.decoder.vocab_size", "257", "--model.decoder.n_ctx", "32"),
    *("--data.tokenizer", "bytes", "--data.n_ctx", "32", "--data.batch_size", "2"),
    *("--data.val_fraction", "0.1", "--samples.max_new_tokens", "3"),
]


def name_of(path: Path) -> str:
    return path.relative_to(FOLDER).with_suffix("").as_posix()


@pytest.fixture(autouse=True)
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPT_TOOLKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    Path("corpus.txt").write_text(TEXT, encoding="utf-8")


def text_for(config: Path) -> list[str]:
    """Options that give a config its text, if it has none of its own."""
    own = yaml.safe_load(config.read_text(encoding="utf-8"))["data"]["init_args"]
    return ["--data.limit_documents", "40"] if "dataset" in own else ["--data.files", "corpus.txt"]


def test_there_are_the_configs_that_the_plan_names() -> None:
    sizes = {f"gpt2/pretrain_{size}" for size in ("small", "medium", "large", "xl")}
    planned = {"gpt1/pretrain", "text/shakespeare", "text/novels", "strategy/ddp", "strategy/fsdp", *sizes}
    assert planned <= set(map(name_of, CONFIGS))


@pytest.mark.parametrize("config", RUNS, ids=name_of)
def test_a_config_parses_as_it_stands(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "--config", name_of(config), *text_for(config), "--print_config"]) == 0
    parsed = yaml.safe_load(capsys.readouterr().out)
    written = yaml.safe_load(config.read_text(encoding="utf-8"))
    assert parsed["trainer"].items() >= written["trainer"].items()
    assert parsed["model"]["init_args"]["decoder"] == written["model"]["init_args"]["decoder"]


@pytest.mark.parametrize("config", RUNS, ids=name_of)
def test_a_config_trains_for_a_batch_at_a_reduced_size(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["fit", "--config", name_of(config), *text_for(config), *REDUCED])
    assert code == 0, capsys.readouterr().err
    run = Path("runs", config.stem)
    assert (run / "checkpoints" / "best.ckpt").is_file()
    assert (run / "model" / "model.safetensors").is_file()
    used = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    written = yaml.safe_load(config.read_text(encoding="utf-8"))
    assert used["trainer"]["precision"] == written["trainer"]["precision"]
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

    monkeypatch.setattr(ToolkitCLI, "_instantiate", instantiate)
    assert main(["fit", *base, "--config", name_of(overlay)]) == 0
    [strategy] = strategies
    if overlay.stem == "ddp":
        assert strategy == "ddp"
    elif overlay.stem == "fsdp":
        assert isinstance(strategy, FSDPStrategy)
        assert strategy.kwargs["auto_wrap_policy"]._module_classes == {Block}


@pytest.mark.parametrize("config", CONFIGS, ids=name_of)
def test_a_config_says_how_it_is_run(config: Path) -> None:
    lines = config.read_text(encoding="utf-8").splitlines()
    header = "\n".join(lines[: next(i for i, line in enumerate(lines) if not line.startswith("#"))])
    command = re.search(r"^#   gpt-toolkit fit (.*--config (\S+).*)$", header, flags=re.MULTILINE)
    assert command, header
    named = re.findall(r"--config (\S+)", command[1])
    assert named[-1] == name_of(config)
    assert all((FOLDER / f"{name}.yaml").is_file() for name in named)


@pytest.mark.parametrize("config", RUNS, ids=name_of)
def test_every_number_of_a_config_has_its_source(config: Path) -> None:
    part = ""
    for number, line in enumerate(config.read_text(encoding="utf-8").splitlines(), start=1):
        if word := re.match(r"(\w+):", line):
            part = word[1]
        setting = line.partition("#")[0]
        if part in ("trainer", "model", "data", "checkpoints", "samples") and re.search(r"[ \[]\d", setting):
            assert "#" in line, f"{config}, line {number}: where is this number from?"
