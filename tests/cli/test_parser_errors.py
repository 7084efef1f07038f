"""Explanations of errors: options that were meant, and messages that no rule knows."""

import pytest

from gpt_toolkit.cli.options import all_options, owners
from gpt_toolkit.cli.parser_errors import explain, nested_options, suggest_config, unknown_option

OPTIONS = {name: ["Kind"] for name in ("model.optimizer.lr", "model.schedule.final", "data.n_ctx")}


def test_a_message_that_no_rule_knows_is_cut_to_one_short_line() -> None:
    said = explain("Something new\n" + "and long " * 1000, {}, {})
    assert said.startswith("Something new and long")
    assert "\n" not in said
    assert len(said) < 320


def test_an_unknown_option_is_answered_with_the_nearest_or_all_of_its_group() -> None:
    assert unknown_option("modl.optimizer.lr", OPTIONS).endswith("did you mean model.optimizer.lr?")
    assert unknown_option("model.xyz", OPTIONS) == "no option model.xyz; there are optimizer, schedule"
    assert unknown_option("data.n_ctx", OPTIONS).endswith("is chosen; it is an option of Kind")
    assert "such as model.optimizer.lr" in unknown_option("model.optimizer", OPTIONS)


def test_every_nested_option_is_found_by_its_last_part() -> None:
    names = [option.name for option in all_options() if "." in option.name]
    for name in names:
        leaf = name.rpartition(".")[2]
        same = {other for other in names if other.rpartition(".")[2] == leaf}
        found = nested_options(leaf, owners())
        assert found
        assert set(found) <= same | {"seed_everything"}
        assert len(same) > 2 or name in found


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("lr", ["model.optimizer.lr"]),
        ("batch_size", ["data.batch_size"]),
        ("batch-size", ["data.batch_size"]),
        ("bs", ["data.batch_size"]),
        ("learning_rate", ["model.optimizer.lr"]),
        ("wd", ["model.optimizer.weight_decay"]),
        ("max_steps", ["trainer.max_steps"]),
        ("files", ["data.files"]),
        ("file", ["data.files"]),
        ("n_ctx", ["data.n_ctx", "model.decoder.n_ctx"]),
        ("seed", ["seed_everything", "data.seed", "model.seed"]),
        ("epochs", [f"trainer.{name}_epochs" for name in ("max", "min", "reload_dataloaders_every_n")]),
        ("n_layers", ["model.decoder.n_layer"]),
        ("device", ["trainer.devices"]),
        ("confg", []),  # config, which is no nested option
        ("nonsense", []),
    ],
)
def test_a_short_name_leads_to_the_full_one(short: str, full: list[str]) -> None:
    assert sorted(nested_options(short, owners())) == sorted(full)


@pytest.mark.parametrize(
    ("typed", "config"),
    [
        (["data.files"], "text/own"),
        (["data.files", "data.val_fraction", "trainer.max_steps"], "text/own"),
        (["data.sets"], "text/finetune"),
        (["data.benchmarks"], "storyworld/zero_shot"),
        (["data.files", "data.sets"], "storyworld/quickstart"),
        ([], "storyworld/quickstart"),
    ],
)
def test_a_command_without_config_is_answered_with_one_that_has_its_options(
    typed: list[str], config: str
) -> None:
    assert f" {config}" in suggest_config(typed)
