"""Sharded checkpoints: a changed byte is named, and code in a file is never run, whatever reads it."""

import pickle
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.distributed.checkpoint.state_dict_loader import load

from gpt_toolkit.checkpoints import open_model
from gpt_toolkit.checkpoints.file_checksums import _verify, file_checksums, write_checksums
from gpt_toolkit.checkpoints.verification import verify_checkpoint, verify_reads
from tests.checkpoints.layouts import SHAPES, Probe, checkpoint_content, random_decoder, write_sharded
from tests.commands import Tell

pytestmark = pytest.mark.filterwarnings("ignore:torch.distributed is disabled")

LR = 0.125


def content() -> dict[str, Any]:
    decoder = random_decoder("pre", SHAPES[1])
    state = {"state": {}, "param_groups": {"lr": LR}}
    return checkpoint_content(decoder) | {"optimizer_states": [state], "global_step": 3}


def in_metadata(folder: Path, probe: Probe) -> None:
    write_sharded(folder, content(), "state_dict")
    metadata = pickle.loads((folder / ".metadata").read_bytes())
    metadata.planner_data = probe
    (folder / ".metadata").write_bytes(pickle.dumps(metadata))


def in_the_rest(folder: Path, probe: Probe) -> None:
    write_sharded(folder, content() | {"probe": probe}, "state_dict")


def in_a_value(folder: Path, probe: Probe) -> None:
    hostile = content()
    hostile["optimizer_states"][0]["param_groups"]["lr"] = probe
    write_sharded(folder, hostile, "state_dict")


PLACES = [in_metadata, in_the_rest, in_a_value]


@pytest.mark.parametrize("place_code", PLACES)
def test_code_in_a_sharded_checkpoint_is_run_by_no_command(
    place_code: Callable[[Path, Probe], None], tell: Tell
) -> None:
    was_run = Path("was-run").absolute()
    folder = Path("runs/tiny/checkpoints/last.ckpt")
    place_code(folder, Probe(was_run))
    sums = file_checksums(folder.iterdir())  # as an attacker would leave them
    write_checksums(folder, sums)
    two = ("--config", "strategy/fsdp2", "--trainer.devices", 2, "--trainer.accelerator", "cpu")
    for verb in ("fit", "validate", "test", "predict", "doctor"):
        checkpoint = "last" if verb == "fit" else folder
        said = tell(verb, "--config", "tiny.yaml", *two, "--ckpt_path", checkpoint)
        assert said.code in (1, 2), said
        assert "Traceback" not in said.err
    tell("fit", "--config", "tiny.yaml", "--model.init_from", folder, "--trainer.fast_dev_run", "true")
    for command in (("generate", folder), ("convert", folder, "dst"), ("zero-shot", folder)):
        tell(*command)
    assert not was_run.exists()


@pytest.mark.parametrize("place_code", PLACES)
def test_code_in_a_sharded_checkpoint_is_not_run_by_a_trainers_strategy(
    place_code: Callable[[Path, Probe], None], tmp_path: Path
) -> None:
    class Strategy:
        def load_checkpoint(self, checkpoint_path: Path, weights_only: bool | None = None) -> dict[str, Any]:
            state: dict[str, Any] = {"optimizer_0": {"param_groups": {"lr": 0.0}}}
            load(state, checkpoint_id=checkpoint_path)
            return {**state, **torch.load(checkpoint_path / "meta.pt", weights_only=False)}

    place_code(tmp_path / "a", Probe(tmp_path / "was-run"))
    guarded = Strategy()
    verify_reads(guarded)
    with pytest.raises(ValueError, match="nothing was run"):
        guarded.load_checkpoint(tmp_path / "a")
    assert not (tmp_path / "was-run").exists()
    Strategy().load_checkpoint(tmp_path / "a")
    assert (tmp_path / "was-run").exists()  # torch's own reader runs it
    write_sharded(tmp_path / "b", content(), "state_dict")
    assert guarded.load_checkpoint(tmp_path / "b")["optimizer_0"]["param_groups"] == {"lr": LR}


@pytest.mark.parametrize("n", [100, pytest.param(4_000, marks=pytest.mark.slow)])
def test_a_changed_byte_of_any_file_is_named(n: int, tmp_path: Path) -> None:
    folder = write_sharded(tmp_path / "last.ckpt", content(), "state_dict")
    write_checksums(folder, file_checksums(folder.iterdir()))
    verify_checkpoint(folder)
    draw = random.Random(0)
    files = [path for path in sorted(folder.iterdir()) if path.name != "checksums.json"]
    for i in range(n):
        path = files[i % len(files)]
        whole = path.read_bytes()
        changed = bytearray(whole)
        place = draw.randrange(len(whole))
        if i % 5:
            changed[place] ^= 1 << draw.randrange(8)
        else:
            del changed[place:]
        path.write_bytes(changed)
        for read in (verify_checkpoint, open_model):
            _verify.cache_clear()  # writes follow one another faster than a file's time changes
            with pytest.raises(ValueError, match=path.name) as caught:
                read(folder)
            assert "\n" not in str(caught.value)
        path.write_bytes(whole)
