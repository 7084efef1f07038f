"""Simulated platforms other than Linux with glibc, in separate processes; and rules of portable code."""

import ast
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gpt_toolkit.cli import COMMANDS, TRAINER_VERBS
from tests.foreign import FUNCTIONS, MODULES, SIGNALS

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "gpt_toolkit"
SOURCES = sorted(PACKAGE.rglob("*.py"))
HARDWARE = sorted((PACKAGE / "hardware").glob("*.py"))
SYSTEMS = ("windows", "macos", "musl")

BEGIN = """
import io, json, sys, traceback, warnings
from tests import foreign

def told(*arguments):
    from gpt_toolkit.cli import main
    # A redirected output of Windows, in an encoding that lacks most of Unicode.
    out = sys.stdout = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    err = sys.stderr = io.TextIOWrapper(io.BytesIO(), encoding="cp1252", errors="backslashreplace")
    try:
        code = main(list(map(str, arguments)))
    except BaseException:
        code, _ = 1, traceback.print_exc(file=err)
    finally:
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode("cp1252"))
    return code, *texts
"""

LIGHT = """
foreign.hide_linux()
foreign.pretend(sys.argv[1])
import gpt_toolkit, gpt_toolkit.tokenizers, gpt_toolkit.storyworld
verbs = json.loads(sys.argv[2])
found = {verb: told(verb, "--help") for verb in verbs} | {"": told("--help")}
found["encode"] = told("tokenizer", "encode", "bytes", "hello")
assert "torch" not in sys.modules
print(json.dumps(found))
"""

HEAVY = """
import importlib, pkgutil
import datasets, filelock, matplotlib.pyplot, pyarrow.parquet, tensorboard
import lightning.pytorch, torch, torchmetrics
import torch.distributed.checkpoint, torch.utils.tensorboard
from tensorboard.compat.proto import event_pb2

foreign.hide_linux()
foreign.pretend("windows")
import gpt_toolkit
found = {"imports": {}}
for module in pkgutil.walk_packages(gpt_toolkit.__path__, "gpt_toolkit."):
    if module.name.endswith("__main__"):
        continue
    try:
        importlib.import_module(module.name)
    except BaseException as error:
        found["imports"][module.name] = repr(error)
from gpt_toolkit import hardware

for verb in json.loads(sys.argv[1]):
    found[f"help {verb}"] = told(verb, "--help")
tiny = json.loads(sys.argv[2])
for system in ("windows", "macos", "musl"):
    foreign.pretend(system)
    hardware.keep_freed_memory.cache_clear()
    run = f"runs/{system}"
    to = ("--trainer.default_root_dir", run)
    found[f"{system} fit"] = told("fit", *tiny, *to)
    model = ("generate", f"{run}/model", "--max_new_tokens", 40, "--seed", 1, "--prompt")
    found[f"{system} generate"] = told(*model, "Mira \\u2013 \\u4f60\\u597d")
    few = ("--benchmarks", "storyworld:pronouns", "--limit", 2)
    found[f"{system} zero-shot"] = told("zero-shot", f"{run}/model", *few, "--output", f"{system}.json")
    found[f"{system} memory"] = hardware.usable_cores(), hardware.free_memory(torch.device("cpu"))
foreign.pretend("windows")
to = ("--trainer.default_root_dir", "runs/windows")
found["windows continued"] = told("fit", *tiny, *to, "--trainer.max_steps", 4, "--ckpt_path", "last")
found["windows test"] = told("test", "--config", "runs/windows/config.yaml", "--ckpt_path", "best")
found["windows predict"] = told("predict", *tiny, *to, "--ckpt_path", "best")
found["windows convert"] = told("convert", "runs/windows/checkpoints/last.ckpt", "model")
found["windows convert again"] = told("convert", "runs/windows/model", "model", "--overwrite")
sizes = ("--samples", 1, "--max_new_tokens", 4, "--order", 0, "--limit", 2)
found["windows report"] = told("report", "runs/windows", *sizes)
found["windows doctor"] = told("doctor", *tiny, "--trainer.default_root_dir", "runs/other")
rows = ("--data.sets", "rows.csv", "--data.n_ctx", 32, "--model.init_from", "runs/windows/model")
few = ("--trainer.max_steps", 2, "--trainer.accelerator", "cpu")
found["windows finetune"] = told("fit", "--config", "text/finetune", *rows, *few)

import numpy, pathlib

def refused(action):
    try:
        action()
    except OSError as error:
        return type(error).__name__
    return ""

here, there = pathlib.Path("here.txt"), pathlib.Path("there.txt")
here.write_text("a")
there.write_text("b")
with here.open() as held:
    found["refused"] = [refused(lambda: there.replace(here)), refused(here.unlink)]
mapped = numpy.memmap(here, "u1", mode="r")
found["refused"] += [refused(lambda: there.replace(here)), refused(lambda: there.rename(here))]
memory = pathlib.Path("/proc/meminfo")
actions = pathlib.Path("a:b").touch, pathlib.Path("a?").mkdir, memory.open
found["refused"] += [*map(refused, actions), memory.exists()]
print(json.dumps(found))
"""

TINY = [
    *("--config", "storyworld/quickstart", "--trainer.max_steps", "2", "--trainer.val_check_interval", "1"),
    *("--trainer.limit_val_batches", "1", "--trainer.accelerator", "cpu", "--trainer.log_every_n_steps", "1"),
    *("--model.decoder.n_layer", "1", "--model.decoder.n_head", "2", "--model.decoder.n_embd", "16"),
    *("--data.limit_documents", "20", "--data.n_ctx", "64", "--data.batch_size", "2"),
    *("--data.tokenizer", "bytes", "--samples.max_new_tokens", "5"),
]


def outcome(script: str, *arguments: str, folder: Path) -> dict[str, Any]:
    """Run a script in a separate process, in a folder, on this code."""
    more = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "GPT_TOOLKIT_CACHE": str(folder / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + script, *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env=os.environ | more,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("system", SYSTEMS)
def test_help_of_every_command_is_printed_everywhere(system: str, tmp_path: Path) -> None:
    found = outcome(
        LIGHT, system, json.dumps([verb for verb in COMMANDS if verb != "schema"]), folder=tmp_path
    )
    for verb, (code, out, err) in found.items():
        assert (code, err) == (0, ""), f"{verb}: {err}"
        assert out
    assert found["encode"][1] == "104 101 108 108 111\n"


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the answers of every command on the other platforms."""
    folder = tmp_path_factory.mktemp("elsewhere")
    rows = "".join(f"row {i} is {'ab'[i % 2]},{'ab'[i % 2]}\n" for i in range(40))
    (folder / "rows.csv").write_text("text,label\n" + rows, encoding="utf-8")
    return outcome(HEAVY, json.dumps([*TRAINER_VERBS, "schema"]), json.dumps(TINY), folder=folder)


def test_the_faked_windows_refuses_what_windows_does(elsewhere: dict[str, Any]) -> None:
    expected = ["PermissionError"] * 3 + ["FileExistsError", "OSError", "OSError", "FileNotFoundError", False]
    assert elsewhere["refused"] == expected


def test_every_module_is_imported_without_posix(elsewhere: dict[str, Any]) -> None:
    optional = ("triton", "ray", "lm_eval", "tqdm")
    failed = {
        name: error
        for name, error in elsewhere["imports"].items()
        if not any(f"No module named '{package}'" in error for package in optional)
    }
    assert failed == {}


def test_help_of_every_verb_of_the_trainer_is_printed_without_posix(elsewhere: dict[str, Any]) -> None:
    for verb in (*TRAINER_VERBS, "schema"):
        code, out, err = elsewhere[f"help {verb}"]
        assert (code, err) == (0, ""), f"{verb}: {err}"
        assert "usage" in out.lower()


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_model_is_trained_and_used_everywhere(system: str, elsewhere: dict[str, Any]) -> None:
    for command in ("fit", "generate", "zero-shot"):
        code, out, err = elsewhere[f"{system} {command}"]
        assert code == 0, f"{command}: {err}"
        assert out
    assert "2 steps" in elsewhere[f"{system} fit"][2]
    cores, memory = elsewhere[f"{system} memory"]
    assert cores >= 1
    assert memory is None


def test_characters_that_the_output_lacks_are_replaced(elsewhere: dict[str, Any]) -> None:
    _, out, _ = elsewhere["windows generate"]
    assert out.startswith("Mira \u2013 ??")  # Windows' encoding has the dash alone


@pytest.mark.parametrize(
    "command",
    ["continued", "test", "predict", "convert", "convert again", "report", "doctor", "finetune"],
)
def test_files_are_named_and_replaced_as_windows_allows(command: str, elsewhere: dict[str, Any]) -> None:
    code, out, err = elsewhere[f"windows {command}"]
    assert code == 0, err
    assert out


# ---------------------------------------------------------------------- syntax trees


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def place(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}: {ast.unparse(node)}"


def test_no_module_needs_posix_to_be_imported() -> None:
    found = []
    for path in SOURCES:
        functions = [n for n in ast.walk(tree(path)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
        inside = {id(node) for function in functions for node in ast.walk(function)}
        for node in ast.walk(tree(path)):
            names = set[str]()
            if isinstance(node, ast.Import):
                names = {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names = {node.module or ""}
            if names & set(MODULES) and id(node) not in inside:
                found.append(place(path, node))
    assert found == []


POSIX = {
    "os": {*FUNCTIONS, "O_DIRECTORY", "getpgid", "kill", "link", "mkfifo", "symlink", "uname", "wait"},
    "signal": {*SIGNALS, "alarm", "pause", "setitimer", "sigwait"},
    "select": {"epoll", "kqueue", "poll", "select"},
    "time": {"tzset"},
}
METHODS = {"hardlink_to", "symlink_to"}  # need a privilege or another file system there


def test_nothing_is_called_that_windows_lacks_or_does_otherwise() -> None:
    found = [
        place(path, node)
        for path in SOURCES
        if path not in HARDWARE
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute)
        and (node.attr in METHODS or node.attr in POSIX.get(ast.unparse(node.value), ()))
    ]
    assert found == []


ASKS = {
    *("cpu_count", "process_cpu_count", "sched_getaffinity", "sysconf", "getloadavg", "virtual_memory"),
    *("is_bf16_supported", "get_device_capability", "get_device_properties", "get_cpu_capability"),
    *("current_accelerator", "mem_get_info", "recommended_max_memory", "getrusage"),
}


def asks_the_machine(node: ast.AST) -> str | None:
    """Return the question about the machine that a node asks; None for other nodes."""
    name = None
    if isinstance(node, ast.Attribute):
        name = node.attr
        if name == "is_available" and ast.unparse(node.value).endswith(("mkldnn", "onednn")):
            return ast.unparse(node)
        if name.startswith("_is_") and ast.unparse(node.value) == "torch.cpu":
            return ast.unparse(node)
    elif isinstance(node, ast.ImportFrom):
        name = next((alias.name for alias in node.names if alias.name in ASKS), None)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        name = node.value
        if name.startswith(("/proc/", "/sys/")):
            return name
    if name is None:
        return None
    is_flag = name.startswith(("_is_mkldnn_", "_is_avx", "_is_amx")) and name.isidentifier()
    return name if name in ASKS or is_flag else None


def test_no_other_module_asks_the_machine() -> None:
    found = [
        place(path, node)
        for path in SOURCES
        if path not in HARDWARE
        for node in ast.walk(tree(path))
        if asks_the_machine(node)
    ]
    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        "os.cpu_count()",
        "from os import cpu_count",
        "len(os.sched_getaffinity(0))",
        "Path('/proc/meminfo').read_text()",
        "open('/sys/fs/cgroup/cpu.max')",
        "torch.cuda.is_bf16_supported()",
        "torch.cuda.get_device_capability(device)",
        "torch.cpu._is_avx512_bf16_supported()",
        "getattr(torch.cpu, '_is_amx_tile_supported')()",
        "torch.ops.mkldnn._is_mkldnn_bf16_supported()",
        "torch.backends.mkldnn.is_available()",
    ],
)
def test_a_question_to_the_machine_is_recognized(code: str) -> None:
    assert any(asks_the_machine(node) for node in ast.walk(ast.parse(code)))


def test_the_package_that_may_ask_does() -> None:
    asked = {asks_the_machine(node) for path in HARDWARE for node in ast.walk(tree(path))}
    assert {"cpu_count", "/proc/meminfo", "get_device_capability"} <= asked
