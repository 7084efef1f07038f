"""Options that messages, help texts, configs and pages name exist on the command that they are named with."""

import argparse
import ast
import inspect
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from lightning.pytorch import Trainer

from gpt_toolkit.cli import predict
from gpt_toolkit.cli.options import RUN_OPTIONS
from gpt_toolkit.cli.trainer_help import OF_VERB

ROOT = Path(__file__).resolve().parents[2]
OPTION = re.compile(r"(?<![\w/-])--([a-zA-Z][\w.]*[\w])(?:\+)?(?![\w-])")
COMMAND = re.compile(r"(?:gpt-toolkit|python -m gpt_toolkit) ([a-z][a-z-]+)((?:[^\n`;|&]|(?<=\\)\n)*)")
OTHERS = {
    # lm-eval's command line
    *("model", "model_args", "tasks", "gen_kwargs", "device"),
    # pytest, nox, coverage, pip, git, ruff, Megatron-LM, torchrun
    *("help", "version", "precision", "group", "upgrade", "overlapping", "strict"),
    # llama.cpp's converter
    *("outtype", "outfile"),
}
"""Options of other programs that are named without the command that they belong to."""
GROUPS = {"data": "DataModule", "model": "Task"}
NESTED = {"decoder": ("DecoderConfig",), "lora": ("LoRA",), "optimizer": ("AdamW", "Muon")}
NESTED |= {"schedule": ("Constant", "Linear", "Cosine", "WarmupStableDecay")}


@cache
def options() -> dict[str, set[str]]:
    """Return the options of each verb, without dashes; those of classes count for each verb with a config."""
    found = json.loads((ROOT / "tests" / "golden" / "command_line.json").read_text(encoding="utf-8"))
    classes = found["classes"]
    of_classes = {f"trainer.{name}" for name in inspect.signature(Trainer).parameters}
    for group, ending in GROUPS.items():
        for name, arguments in classes.items():
            if name.endswith(ending):
                of_classes |= {f"{group}.{argument}" for argument in arguments}
    for name, kinds in NESTED.items():
        of_classes |= {f"model.{name}.{argument}" for kind in kinds for argument in classes[kind]}
    verbs = {}
    for verb, entry in found["verbs"].items():
        names = {option.lstrip("-") for key in entry["options"] for option in key.split(", ")}
        for part in entry.get("parts", {}).values():
            names |= {option.lstrip("-") for key in part["options"] for option in key.split(", ")}
        verbs[verb] = names | {"help"} | (of_classes | RUN_OPTIONS.keys() if "method" in entry else set())
    for verb, own in OF_VERB.items():  # taken before the parser sees the arguments
        verbs[verb] |= own.keys()
    parser = argparse.ArgumentParser()
    predict.add_arguments(parser)  # predict MODEL
    verbs["predict"] |= {name.lstrip("-") for action in parser._actions for name in action.option_strings}
    return verbs


def texts() -> Iterator[tuple[Path, str]]:
    """Yield the strings of the package's modules, its configs, and the text of README and pages."""
    for path in sorted((ROOT / "gpt_toolkit").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "--" in node.value:
                yield path, node.value
    pages = [*(ROOT / "docs").rglob("*.py"), *(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]
    for path in sorted([*(ROOT / "gpt_toolkit").rglob("*.yaml"), *pages]):
        yield path, path.read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["--limt", "see --data.file."])
def test_an_unknown_option_is_found(text: str) -> None:
    known = set().union(*options().values())
    assert [name for name in OPTION.findall(text) if name not in known]


def test_every_option_in_a_string_of_the_package_exists() -> None:
    known = set().union(*options().values()) | OTHERS
    unknown = {
        f"{path.relative_to(ROOT)}: --{name}"
        for path, text in texts()
        if path.is_relative_to(ROOT / "gpt_toolkit")
        for name in OPTION.findall(text)
        if name not in known
    }
    assert not unknown


def test_every_option_after_a_verb_is_an_option_of_that_verb() -> None:
    unknown, n_commands = set(), 0
    for path, text in texts():
        for verb, rest in COMMAND.findall(text):
            if verb not in options():
                continue
            n_commands += 1
            for name in OPTION.findall(re.sub(r"'[^']*'", "", rest)):  # quoted: options that are passed on
                if name not in options()[verb] and not name.startswith("trainer.strategy."):
                    unknown.add(f"{path.relative_to(ROOT)}: {verb} --{name}")
    assert n_commands > 50
    assert not unknown
