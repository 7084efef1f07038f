"""Configs of unknown origin: the classes that they may name, and bounds of their YAML."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from gpt_toolkit.cli import UsageError
from gpt_toolkit.cli.allowed_imports import allow_imports
from tests.commands import CONFIG, Tell, assert_refused, place, tell
from tests.small_runs import TEXT

__all__ = ["place", "tell"]

POPEN = "{class_path: subprocess.Popen, init_args: {args: [touch, was-run]}}"
MODULE = """\
from pathlib import Path
from gpt_toolkit.data.pretraining.datamodule import CorpusDataModule
Path("was-run").touch()
class Letters(CorpusDataModule):
    '''A class of the user.'''
"""


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (f"trainer: {{callbacks: [{POPEN}]}}", "subprocess.Popen"),
        ("trainer: {callbacks: [subprocess.Popen]}", "subprocess.Popen"),
        (f"trainer: {{logger: {POPEN}}}", "subprocess.Popen"),
        (f"model: {{init_args: {{decoder: {POPEN}}}}}", "subprocess.Popen"),
        (f"data: {{class_path: SupervisedDataModule, init_args: {{sets: {POPEN}}}}}", "subprocess.Popen"),
        ("trainer: {logger: lightning.pytorch.loggers.tensorboard.os.getcwd}", "posix.getcwd|nt.getcwd"),
        (
            "trainer: {callbacks: [{class_path: LambdaCallback, init_args: {setup: os.getcwd}}]}",
            "lightning.pytorch.callbacks.lambda_function.LambdaCallback",
        ),
        (
            "trainer: {strategy: {class_path: DDPStrategy, init_args: {ddp_comm_hook: os.getcwd}}}",
            "os.getcwd",
        ),
        ("data: {class_path: stranger.Letters}", "stranger.Letters"),
    ],
    ids=range(9),
)
def test_a_config_cannot_name_any_class_or_function(settings: str, named: str, tell: Tell) -> None:
    Path("stranger.py").write_text(MODULE)
    Path("stranger.yaml").write_text(settings)
    said = tell("fit", "--config", "tiny.yaml", "--config", "stranger.yaml")
    assert_refused(said, rf"({named}) is not allowed in a config; expected a class of Lightning, ", code=2)
    assert not Path("was-run").exists()
    assert not Path("runs").exists()


def test_the_file_and_line_of_a_refused_class_are_named(tell: Tell) -> None:
    Path("stranger.yaml").write_text("trainer: {max_steps: 1}\ndata:\n  class_path: stranger.Letters\n")
    said = tell("fit", "--config", "tiny.yaml", "--config=stranger.yaml")
    assert_refused(said, r"^gpt-toolkit: stranger\.yaml:3: data: .* add --allow stranger if you trust it$", 2)


@pytest.mark.parametrize("way", ["option", "variable", "command line"])
def test_what_the_user_allows_is_imported(way: str, tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    module = f"mine_{way.replace(' ', '_')}"  # a process allows for good
    Path(f"{module}.py").write_text(MODULE)
    config = CONFIG.replace("CorpusDataModule", f"{module}.Letters")
    Path("mine.yaml").write_text(config)
    given = {"option": ["--allow", module], "command line": ["--data", f"{module}.Letters"]}.get(way, [])
    if way == "variable":
        monkeypatch.setenv("GPT_TOOLKIT_ALLOW", f"other, {module}")
    if way == "command line":  # the option replaces the config's class
        given += ["--data.files", "corpus.txt", "--data.tokenizer", "bytes", "--data.n_ctx", "32"]
    monkeypatch.setattr(sys, "path", [*sys.path])
    said = tell("fit", "--config", "mine.yaml", *given, "--print_config")
    assert said.code == 0, said.err
    assert f"{module}.Letters" in said.out
    assert Path("was-run").exists()


def test_the_current_folder_is_searched_only_for_what_the_user_allows(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    Path("a.txt").touch()
    Path("a.yaml").touch()
    assert allow_imports(["--config", "a.yaml", "--data.files", "a.txt"])
    assert str(tmp_path) not in sys.path
    assert allow_imports(["--data", "own.Letters", "--allow=more"]) == ["--data", "own.Letters"]
    assert str(tmp_path) in sys.path


@pytest.mark.parametrize("name", ["a/b", "a.py.", "5", "jsonargparse.set_parsing_settings"])
def test_what_cannot_be_allowed_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=f"^--allow {name}: expected the name of a package or class"):
        allow_imports(["--allow", name])


def test_a_bomb_is_refused_in_configs_files_that_they_name_and_options(tell: Tell) -> None:
    bomb = "- &a0 [x, x]\n" + "".join(f"- &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 40))
    Path("bomb.yaml").write_text(bomb)
    Path("outer.yaml").write_text("model: bomb.yaml\n")
    Path("text.yaml").write_text(f"trainer: {{max_steps: {json.dumps(bomb)}}}\n")
    too_much = "more than 1,048,576 characters"
    for given, message in (
        (("--config", "bomb.yaml"), rf"bomb\.yaml:\d+: invalid YAML: {too_much}"),
        (("--config=text.yaml",), rf"text\.yaml:1: invalid YAML: a text in it has {too_much}"),
        (("--config", "outer.yaml"), rf"bomb\.yaml: {too_much}"),
        (("--data.sets", bomb), rf"--data\.sets: invalid YAML: {too_much}"),
        ((f"--data.sets={bomb}",), rf"--data\.sets: invalid YAML: {too_much}"),
    ):
        assert_refused(tell("fit", "--config", "tiny.yaml", *given), message, code=2)


@pytest.mark.parametrize(
    "settings", ["trainer: {max_steps: \"!!int ''\"}", "trainer: {devices: -5}", "1: 2", "ckpt_path: [1]"]
)
def test_odd_settings_are_one_line(settings: str, tell: Tell) -> None:
    Path("odd.yaml").write_text(settings)
    assert_refused(tell("fit", "--config", "tiny.yaml", "--config", "odd.yaml"), "^gpt-toolkit: (?!int)", 2)


def test_configs_are_utf8_whatever_the_system_says(tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("wörter.txt").write_text(TEXT, encoding="utf-8")
    Path("ä.yaml").write_text(CONFIG.replace("corpus.txt", "wörter.txt"), encoding="utf-8")
    Path("model.yaml").write_text("# ö\nclass_path: PretrainTask\n", encoding="utf-8")

    def windows_open(file: Any, mode: str = "r", *others: Any, **settings: Any) -> Any:
        if "b" not in mode and not others:
            settings.setdefault("encoding", "cp1252")
        return io.open(file, mode, *others, **settings)  # noqa: UP020 the plain name is replaced

    monkeypatch.setattr("builtins.open", windows_open)
    said = tell("fit", "--config", "ä.yaml", "--model", "model.yaml", "--print_config")
    assert said.code == 0, said.err
    assert yaml.safe_load(said.out)["data"]["init_args"]["files"] == "wörter.txt"
