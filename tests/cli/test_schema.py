"""Schema for editors: it accepts every valid config and finds typos."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from gpt_toolkit.cli import main
from gpt_toolkit.cli.config_schema import schema
from gpt_toolkit.cli.shipped_configs import shipped_configs

CONFIGS = sorted(shipped_configs().rglob("*.yaml"))


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    found = schema()
    Draft202012Validator.check_schema(found)
    return found


def errors(whole: dict[str, Any], config: Any) -> list[str]:
    """Return the dotted places of all errors; the place of an unknown key ends with it."""
    places = []
    for error in Draft202012Validator(whole).iter_errors(config):
        assert not error.context or error.validator == "anyOf"
        place = list(error.absolute_path)
        unknown = [""]
        if error.validator == "additionalProperties":
            unknown = sorted(set(error.instance) - set(error.schema["properties"]))
        places += [".".join(map(str, [*place, *filter(None, [key])])) for key in unknown]
    return sorted(set(places))


def content(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_shipped_config_is_taken(path: Path, whole: dict[str, Any]) -> None:
    assert errors(whole, content(path)) == []


@pytest.mark.parametrize("name", ["storyworld/quickstart", "gpt1/multitask"])
def test_a_runs_whole_config_is_taken(
    name: str, whole: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", "--config", name, "--print_config"]) == 0
    assert errors(whole, yaml.safe_load(capsys.readouterr().out)) == []


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("model.init_args.lm_coeff", 0.5),
        ("model.init_args.lm_coef", "much"),
        ("model.init_args.decoder", {"n_heads": 4}),
        ("model.init_args.decoder.n_cxt", 128),
        ("model.init_args.optimizer.init_args.lr", "fast"),
        ("model.init_args.lora", {"rank": 4}),
        ("model.init_args.decoder", "gpt-mirco"),
        ("model.init_args.optimizer.init_args.lrr", 0.1),
        ("model.init_args.optimizer.class_path", "AdamX"),
        ("model.class_path", "FinetuneTsk"),
        ("data.init_args.mixture", "equally"),
        ("data.init_args.n_ctx", 2.5),
        ("trainer.max_step", 3),
        ("trainer.precision", "bf17"),
        ("checkpoints.mode", "most"),
        ("smples", {}),
    ],
)
def test_a_typo_is_found_at_its_key(place: str, value: Any, whole: dict[str, Any]) -> None:
    config = content(shipped_configs() / "storyworld" / "finetune_entailment.yaml")
    wrong = copy.deepcopy(config)
    *path, last = place.split(".")
    at = wrong
    for key in path:
        at = at.setdefault(key, {})
    at[last] = value
    found = errors(whole, wrong)
    assert all(each == place or each.startswith(f"{place}.") for each in found), found
    assert found


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
    assert errors(whole, config) == []


def test_arguments_of_another_class_are_found_at_their_keys(whole: dict[str, Any]) -> None:
    config = content(shipped_configs() / "storyworld" / "finetune_entailment.yaml")
    config["model"]["class_path"] = "PretrainTask"
    assert errors(whole, config) == ["model.init_args.clf_pdrop", "model.init_args.lm_coef"]


def test_a_typo_in_an_overlay_is_found_at_its_key(whole: dict[str, Any]) -> None:
    overlay = {"model": {"init_args": {"lm_coeff": 0.1, "lm_coef": 0.1, "compile_blocks": "auto"}}}
    assert errors(whole, overlay) == ["model.init_args.lm_coeff"]


def test_the_verb_prints_it(whole: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == whole
    assert printed["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    [by_name] = [
        each["then"]["allOf"]
        for each in printed["properties"]["model"]["allOf"]
        if each["if"] == {"type": "object"}
    ]
    fields = by_name[1]["then"]["properties"]["init_args"]["properties"]
    assert fields["lm_coef"]["default"] == 0.5
    assert "GPT-1 eq. 5" in fields["lm_coef"]["description"]
    assert main(["schema", "--help"]) == 0
    assert "yaml-language-server" in capsys.readouterr().out
    assert main(["schema", "fit"]) == 2
    assert capsys.readouterr().err == "gpt-toolkit: schema: unrecognized arguments: fit\n"
