"""One run on several processes: equal losses, checkpoints that resume, and a model at the end."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from gpt_toolkit.checkpoints import open_model
from gpt_toolkit.cli import main
from tests.commands import Said, Tell, assert_refused, losses, place, tell

__all__ = ["place", "tell"]

RECIPE = [
    *("--trainer.precision", "32-true"),
    *("--trainer.gradient_clip_val", "0.5", "--trainer.val_check_interval", "20"),
    *("--trainer.accumulate_grad_batches", "2", "--model.schedule", "Constant"),
    *("--model.decoder.n_layer", "2", "--model.decoder.n_head", "2"),
]
FSDP2 = ["--config", "strategy/fsdp2", "--trainer.strategy.data_parallel_size", "2"]
TENSOR_PARALLEL = ["--config", "strategy/tensor_parallel", "--trainer.strategy.tensor_parallel_size", "2"]
THREADS = {"OMP_NUM_THREADS": "1"}


def fit_command(run: str, *arguments: str) -> list[str]:
    return ["fit", "--config", "tiny.yaml", *RECIPE, "--trainer.default_root_dir", run, *arguments]


def on_two(run: str, *arguments: str) -> Said:
    """Start two processes of one machine through Lightning."""
    command = [*fit_command(run, *arguments), "--trainer.devices", "2"]
    done = subprocess.run(
        [sys.executable, "-m", "gpt_toolkit", *command],
        capture_output=True,
        text=True,
        env=os.environ | THREADS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Said(done.returncode, done.stdout, done.stderr)


def assert_equal_weights(path: str, other: str) -> None:
    ours, theirs = (open_model(source).read() for source in (path, other))
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():  # AdamW magnifies rounding where gradients are near 0
        torch.testing.assert_close(tensor, theirs[name], rtol=0.0, atol=2e-4)


@pytest.fixture
def one(place: Path) -> list[float]:
    """Return the losses of 20 steps in one process, in the folder ``one``."""
    assert main(fit_command("one", "--data.batch_size", "8", "--trainer.max_steps", "20")) == 0
    return losses("one")


@pytest.mark.parametrize(
    ("overlay", "batch_size", "is_folder"),
    [
        pytest.param(FSDP2, "4", True, id="fsdp2"),
        pytest.param(TENSOR_PARALLEL, "8", False, id="tensor_parallel", marks=pytest.mark.slow),
    ],
)
def test_a_divided_model_trains_stops_and_goes_on_as_a_whole_one(
    overlay: list[str], batch_size: str, is_folder: bool, one: list[float], tell: Tell
) -> None:
    arguments = [*overlay, "--data.batch_size", batch_size]
    said = on_two("two", *arguments, "--trainer.max_steps", "10")
    assert "2 x CPU 32-true; 10 steps" in said.err
    assert "Warning" not in said.err
    on_two("two", *arguments, "--trainer.max_steps", "20", "--ckpt_path", "last")
    assert losses("two") == pytest.approx(one, abs=1e-5)
    assert len(one) == 20
    checkpoint = Path("two/checkpoints/last.ckpt")
    assert checkpoint.is_dir() == is_folder
    assert {path.name for path in checkpoint.parent.iterdir()} == {"best.ckpt", "last.ckpt"}
    samples = [Path(run, "samples.txt").read_text(encoding="utf-8") for run in ("one", "two")]
    assert samples[0].count("=== step") == 2
    assert samples[1] == samples[0]
    assert_equal_weights("two/model", "one/model")
    assert tell("convert", checkpoint, "converted").code == 0
    assert_equal_weights("converted", "two/model")
    written = tell("generate", checkpoint, "--prompt", "Mira", "--max_new_tokens", 5, "--seed", 1)
    assert written == tell("generate", "two/model", "--prompt", "Mira", "--max_new_tokens", 5, "--seed", 1)
    if is_folder:
        message = r"last\.ckpt, divided among devices; expected the strategy that wrote it; add it, such as"
        elsewhere = fit_command("elsewhere", "--data.batch_size", "8", "--ckpt_path", str(checkpoint))
        assert_refused(tell(*elsewhere), message, 1)


@pytest.mark.slow
def test_a_run_goes_from_one_process_to_a_divided_model_and_back(one: list[float], tell: Tell) -> None:
    twice = ["--data.batch_size", "4", "--ckpt_path", "one/checkpoints/last.ckpt"]
    gathered = ["--trainer.strategy.save_distributed_checkpoint", "false", "--trainer.max_steps", "25"]
    on_two("two", *FSDP2, *twice, *gathered)
    longer = ["--data.batch_size", "8", "--trainer.max_steps", "30", "--ckpt_path"]
    assert tell(*fit_command("back", *longer, "two/checkpoints/last.ckpt")).code == 0
    assert tell(*fit_command("one", *longer, "last")).code == 0
    assert losses("two") == pytest.approx(losses("one")[20:25], abs=1e-5)
    assert losses("back") == pytest.approx(losses("one")[25:], abs=1e-5)


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


def by_torchrun(node: int, port: int) -> tuple[list[str], dict[str, str]]:
    where = ["--master-addr", "127.0.0.1", "--master-port", str(port)]
    nodes = ["--nnodes", "2", "--nproc-per-node", "1", "--node-rank", str(node)]
    return ["torch.distributed.run", *nodes, *where, "-m", "gpt_toolkit"], {}


def by_slurm(node: int, port: int) -> tuple[list[str], dict[str, str]]:
    """Set what srun sets for a task."""
    return ["gpt_toolkit"], {
        "SLURM_JOB_ID": "1",
        "SLURM_JOB_NAME": "train",
        "SLURM_NTASKS": "2",
        "SLURM_NTASKS_PER_NODE": "1",
        "SLURM_NNODES": "2",
        "SLURM_NODELIST": "127.0.0.1",
        "SLURM_PROCID": str(node),
        "SLURM_LOCALID": "0",
        "SLURM_NODEID": str(node),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }


@pytest.mark.parametrize("launch", [by_torchrun, pytest.param(by_slurm, marks=pytest.mark.slow)])
def test_two_machines_give_the_losses_of_one_process(
    launch: Callable[[int, int], tuple[list[str], dict[str, str]]], one: list[float]
) -> None:
    port = free_port()
    machines = []
    for node in range(2):
        module, environment = launch(node, port)
        more = ["--config", "strategy/ddp", "--trainer.num_nodes", "2", "--trainer.devices", "1"]
        command = fit_command("two", "--data.batch_size", "4", "--trainer.max_steps", "20", *more)
        machines.append(
            subprocess.Popen(
                [sys.executable, "-m", *module, *command],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=os.environ | THREADS | environment,
            )
        )
    said = [machine.communicate() for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0], said
    assert losses("two") == pytest.approx(one, abs=1e-5)
    assert re.search(r"step 20/20", said[0][1])
    assert "two: model/" in said[0][0]
    assert said[1][0] == ""  # the first machine alone speaks


@pytest.mark.skipif(find_spec("deepspeed") is not None, reason="DeepSpeed is installed")
def test_deepspeed_that_is_not_there_is_answered_in_one_line(tell: Tell) -> None:
    said = tell(*fit_command("two", "--config", "strategy/deepspeed"))
    assert_refused(said, r"you must have DeepSpeed installed", 2)
