"""Schema for editors: it accepts every valid config and finds typos."""

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from gpt_toolkit.cli import main
from gpt_toolkit.cli.config_files import shipped_configs
from gpt_toolkit.cli.schema import schema

CONFIGS = sorted(shipped_configs().rglob("*.yaml"))
TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "null": lambda value: value is None,
}
NOTES = {"$schema", "$defs", "title", "description", "default", "format"}


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    return schema()


def takes(whole: dict[str, Any], part: Any, value: Any) -> bool:
    """Return whether a part of a schema accepts a value; supports only the keywords that our schema uses."""
    if isinstance(part, bool):
        return part

    def ok(key: str, wanted: Any) -> bool:
        match key:
            case "$ref":
                return takes(whole, whole["$defs"][wanted.removeprefix("#/$defs/")], value)
            case "anyOf":
                return any(takes(whole, one, value) for one in wanted)
            case "type":
                return any(TYPES[name](value) for name in ([wanted] if isinstance(wanted, str) else wanted))
            case "enum":
                return value in wanted
            case "const":
                return bool(value == wanted)
            case "pattern":
                return not isinstance(value, str) or re.search(wanted, value) is not None
            case "required":
                return not isinstance(value, dict) or set(wanted) <= set(value)
            case "properties":
                if not isinstance(value, dict):
                    return True
                return all(takes(whole, wanted[k], v) for k, v in value.items() if k in wanted)
            case "additionalProperties":
                if not isinstance(value, dict):
                    return True
                known = part.get("properties", {})
                return all(takes(whole, wanted, v) for k, v in value.items() if k not in known)
            case "prefixItems":
                return not isinstance(value, list) or all(map(lambda s, v: takes(whole, s, v), wanted, value))
            case "items":
                if not isinstance(value, list):
                    return True
                return all(takes(whole, wanted, v) for v in value[len(part.get("prefixItems", [])) :])
            case "minItems":
                return not isinstance(value, list) or len(value) >= wanted
            case "minimum":
                return not TYPES["number"](value) or value >= wanted
        raise AssertionError(f"the check does not know {key}")

    return all(ok(key, wanted) for key, wanted in part.items() if key not in NOTES)


def content(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_shipped_config_is_taken(path: Path, whole: dict[str, Any]) -> None:
    assert takes(whole, whole, content(path))


@pytest.mark.parametrize("name", ["storyworld/quickstart", "gpt1/multitask"])
def test_a_runs_whole_config_is_taken(
    name: str, whole: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", "--config", name, "--print_config"]) == 0
    assert takes(whole, whole, yaml.safe_load(capsys.readouterr().out))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("model.init_args.lm_coeff", 0.5),
        ("model.init_args.lm_coef", "much"),
        ("model.init_args.decoder", {"n_heads": 4}),
        ("model.init_args.decoder", "gpt-mirco"),
        ("model.init_args.optimizer.init_args.lrr", 0.1),
        ("model.init_args.optimizer.class_path", "AdamX"),
        ("model.class_path", "FinetuneTsk"),
        ("model.class_path", "PretrainTask"),
        ("data.init_args.mixture", "equally"),
        ("data.init_args.n_ctx", 2.5),
        ("trainer.max_step", 3),
        ("trainer.precision", "bf17"),
        ("checkpoints.mode", "most"),
        ("smples", {}),
    ],
)
def test_a_typo_is_found(place: str, value: Any, whole: dict[str, Any]) -> None:
    config = content(shipped_configs() / "storyworld" / "finetune_entailment.yaml")
    wrong = copy.deepcopy(config)
    *path, last = place.split(".")
    at = wrong
    for key in path:
        at = at[key]
    at[last] = value
    assert takes(whole, whole, config)
    assert not takes(whole, whole, wrong)


@pytest.mark.parametrize(
    "config",
    [
        {"model": {"class_path": "gpt_toolkit.tasks.FinetuneTask", "init_args": {"lm_coef": 0}}},
        {"model": {"init_args": {"decoder": {"preset": "gpt1", "n_ctx": None}}}},
        {"data": {"class_path": "mine.Letters", "init_args": {"folder": "letters"}}},
        {"trainer": {"callbacks": [{"class_path": "EarlyStopping", "init_args": {"monitor": "val_loss"}}]}},
    ],
)
def test_overlays_and_classes_of_ones_own_are_taken(config: dict[str, Any], whole: dict[str, Any]) -> None:
    assert takes(whole, whole, config)


def test_the_verb_prints_it(whole: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == whole
    assert printed["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    fields = printed["properties"]["model"]["anyOf"][1]["properties"]["init_args"]["properties"]
    assert fields["lm_coef"]["default"] == 0.5
    assert "GPT-1 eq. 5" in fields["lm_coef"]["description"]
    assert main(["schema", "--help"]) == 0
    assert "yaml-language-server" in capsys.readouterr().out
    assert main(["schema", "fit"]) == 2
    assert capsys.readouterr().err == "gpt-toolkit: schema: unrecognized arguments: fit\n"
