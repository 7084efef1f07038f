"""Commands of the toolkit, called in a folder with a small corpus and a config."""

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from gpt_toolkit.cli import main
from tests.small_runs import TEXT

CONFIG = """\
trainer:
  max_steps: 8
  accelerator: cpu
  devices: 1
  log_every_n_steps: 1
  val_check_interval: 4
  check_val_every_n_epoch: null
model:
  class_path: PretrainTask
  init_args:
    decoder: {n_layer: 1, n_head: 1, n_embd: 16}
    optimizer: {class_path: AdamW, init_args: {lr: 0.01}}
    schedule: {class_path: Linear}
data:
  class_path: CorpusDataModule
  init_args: {files: corpus.txt, tokenizer: bytes, n_ctx: 32, batch_size: 16, val_fraction: 0.1}
samples: {max_new_tokens: 5}
"""


@dataclass
class Said:
    """Exit code and output of a command."""

    code: int
    out: str
    err: str


Tell = Callable[..., Said]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change to a folder with a corpus and a config."""
    monkeypatch.setenv("GPT_TOOLKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("GPT_TOOLKIT_TRACEBACK", raising=False)
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    Path("corpus.txt").write_text(TEXT, encoding="utf-8")
    Path("tiny.yaml").write_text(CONFIG, encoding="utf-8")
    return folder


@pytest.fixture
def tell(place: Path, capsys: pytest.CaptureFixture[str]) -> Tell:
    """Return a function that runs a command in this process."""

    def tell(*arguments: object) -> Said:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return tell


def metrics(run: str = "runs/tiny") -> list[dict[str, str]]:
    with Path(run, "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def losses(run: str) -> list[float]:
    return [float(row["train_loss"]) for row in metrics(run)]


def weights(path: str) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = torch.load(path, weights_only=True)["state_dict"]
    return state


def assert_refused(said: Said, message: str, code: int) -> None:
    """Check that a command printed one line that matches, and nothing else."""
    assert re.search(message, said.err), said.err
    assert said.err.startswith("gpt-toolkit: ")
    assert said.err.count("\n") == 1
    assert len(said.err) < 500
    assert said.out == ""
    assert said.code == code
