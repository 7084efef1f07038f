"""Help of the Trainer's verbs: grouped, complete, and about the classes of a config."""

import re

import pytest

from gpt_toolkit.cli import TRAINER_VERBS
from gpt_toolkit.cli.configs import presets
from gpt_toolkit.cli.options import all_options
from tests.commands import Tell, assert_refused


def titles(text: str) -> list[str]:
    return re.findall(r"^([a-z.]+(?: \(\w+\))?):$", text, flags=re.M)


def options(text: str) -> set[str]:
    return set(re.findall(r"^  --([\w.]+)", text, flags=re.M))


def test_the_toolkits_options_come_first_and_lightnings_on_request(tell: Tell) -> None:
    helped = tell("fit", "--help")
    assert (helped.code, helped.err) == (0, "")
    assert helped.out.startswith("usage: gpt-toolkit fit --config NAME ")
    found = titles(helped.out)
    assert found[0] == "data (CorpusDataModule)"
    assert found.index("model (PretrainTask)") < found.index("checkpoints") < found.index("run")
    ours = {option.name for option in all_options() if option.owner != "Trainer"}
    assert ours <= options(helped.out)
    assert "trainer.max_steps" in options(helped.out)
    assert "trainer.barebones" not in options(helped.out)
    assert "seeds" in options(helped.out)
    for preset in presets():
        assert preset.name in helped.out
    everything = tell("fit", "--help", "all").out
    assert {option.name for option in all_options()} <= options(everything)
    assert "trainer.barebones" in options(tell("fit", "--help", "trainer").out)
    assert {name.partition(".")[0] for name in options(tell("fit", "--help=data").out)} == {"data"}


@pytest.mark.parametrize("verb", TRAINER_VERBS)
def test_the_usage_line_names_the_verb(verb: str, tell: Tell) -> None:
    helped = tell(verb, "--help", "run")
    assert helped.out.startswith(f"usage: gpt-toolkit {verb} --config NAME ")
    assert ("--ckpt FILE_OR_RUN" in helped.out) == (verb == "doctor")
    assert ("--budget.minutes" in helped.out) == (verb in ("fit", "doctor"))


def test_with_a_config_only_its_classes_are_listed(tell: Tell) -> None:
    found = titles(tell("fit", "--config", "text/own", "--help").out)
    assert [title for title in found if "(" in title] == [
        *("data (CorpusDataModule)", "model (PretrainTask)", "model.optimizer (Muon)"),
        "model.schedule (Linear)",
    ]


def test_an_unknown_topic_is_refused(tell: Tell) -> None:
    assert_refused(
        tell("fit", "--help", "tariner"), r"--help tariner: no such topic: did you mean trainer\?$", 2
    )
