"""Completion, asked as bash asks: by the function of the printed script."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gpt_toolkit.cli import COMMANDS, TRAINER_VERBS, main
from gpt_toolkit.cli.completion import script
from gpt_toolkit.cli.options import all_options
from gpt_toolkit.cli.shipped_configs import config_names

Ask = Callable[..., set[str]]

ASK = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_shtab_gpt_toolkit gpt-toolkit "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def bash_script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    path = tmp_path_factory.mktemp("completion") / "gpt-toolkit"
    path.write_text(script("bash"), encoding="utf-8")
    return path


@pytest.fixture
def ask(bash_script: Path, tmp_path: Path) -> Ask:
    """Return a function that completes the last of the words of a command line."""
    (tmp_path / "letters.txt").touch()
    (tmp_path / "mine.yaml").touch()

    def ask(*words: str) -> set[str]:
        command = ["bash", "-c", ASK, "bash", str(bash_script), "gpt-toolkit", *words]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
        assert done.stderr == ""
        return set(done.stdout.split())

    return ask


def test_verbs_are_completed(ask: Ask) -> None:
    assert ask("") >= {*TRAINER_VERBS, *COMMANDS}
    assert ask("fi") == {"fit"}
    assert ask("tokenizer", "tr") == {"train"}


def test_every_option_of_a_verb_is_completed(ask: Ask) -> None:
    assert ask("fit", "--") >= {f"--{option.name}" for option in all_options()}
    assert "--seeds" in ask("fit", "--se")
    assert "--seeds" not in ask("test", "--se")
    assert ask("generate", "--temp") == {"--temperature"}
    assert ask("predict", "--") >= {"--config", "--head", "--out"}
    assert ask("predict", "--by", "w") == {"word"}
    assert "letters.txt" in ask("predict", "model", "let")


def test_values_are_completed(ask: Ask) -> None:
    assert ask("fit", "--config", "text/") == {name for name in config_names() if name.startswith("text/")}
    assert ask("fit", "--config", "mine") == {"mine.yaml"}
    assert ask("configs", "storyworld/q") == {"storyworld/quickstart"}
    assert ask("fit", "--model.optimizer", "") == {"AdamW", "Muon"}
    assert ask("fit", "--model.decoder", "gpt-m") == {"gpt-micro", "gpt-mini", "gpt-midi", "gpt-maxi"}
    assert ask("fit", "--data.loss_on", "") == {"target", "all"}
    assert ask("fit", "--data.streaming", "t") == {"true"}
    assert ask("fit", "--data.files", "let") == {"letters.txt"}
    assert ask("generate", "let") == {"letters.txt"}


@pytest.mark.parametrize(("shell", "first"), [("zsh", "#compdef gpt-toolkit"), ("fish", "")])
def test_scripts_of_other_shells_have_verbs_and_configs(
    shell: str, first: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["completion", shell]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(first)
    for name in (*TRAINER_VERBS, *COMMANDS, "text/own", "model.optimizer.lr"):
        assert name in printed
