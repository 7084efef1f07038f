"""Sessions for users and CI: `nox -s quickstart` tries the toolkit, `nox -s tests` runs the tests."""

import platform
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["tests", "portable", "lint", "types"]

NUMERICS = (
    *("tests/backbone", "tests/generation", "tests/golden", "tests/losses", "tests/optim", "tests/parity"),
    *("tests/tasks", "tests/callbacks/test_throughput.py", "tests/cli/test_defaults.py"),
    *("tests/test_emulation.py", "tests/hardware"),
)
"""Tests whose result depends on the instructions of the machine."""

PROJECT = nox.project.load_toml("pyproject.toml")
PARALLEL = ("--numprocesses=auto", "--dist=worksteal")
ONE_THREAD = {"OMP_NUM_THREADS": "1"}  # one process per core is faster than threads that wait for one another
LOCKED = ("--constraint", "constraints.txt")


def install(session: nox.Session, *groups: str) -> None:
    """Install the package, editable, and the dependency groups at the tested versions."""
    session.install(*LOCKED, "--editable", ".", *nox.project.dependency_groups(PROJECT, *groups))


@nox.session
def quickstart(session: nox.Session) -> None:
    """Train a small GPT-2 on the built-in world, offline; then report the results."""
    install(session)
    session.run("gpt-toolkit", "fit", "--config", "storyworld/quickstart", *session.posargs)
    if not session.posargs:  # these may name another folder
        session.run("gpt-toolkit", "report", "runs/quickstart")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests: CPU, offline, a few minutes; `GPT_TOOLKIT_BF16=0` and others override the machine."""
    install(session, "test")
    session.run("pytest", *PARALLEL, *session.posargs, env=ONE_THREAD)


@nox.session(venv_backend="none")
def portable(session: nox.Session) -> None:
    """Run the numerical tests as on a CPU with AVX2 alone, in the environment of `tests`."""
    programs = "Scripts" if sys.platform == "win32" else "bin"
    python = Path(session.cache_dir).parent / "tests" / programs / "python"
    if not any(python.parent.glob("python*")):
        session.error("no environment of `tests` found; run nox -s tests first")
    overrides = {"GPT_TOOLKIT_BF16": "0", "GPT_TOOLKIT_FP16": "0"}
    if platform.machine().lower() in ("x86_64", "amd64"):
        overrides |= {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
    arguments = (*PARALLEL, *NUMERICS, *session.posargs)
    session.run(str(python), "-m", "pytest", *arguments, env=ONE_THREAD | overrides, external=True)


@nox.session
def harness(session: nox.Session) -> None:
    """Compare with lm-eval (scores), llama.cpp (text) and TransformerLens (activations); takes minutes."""
    install(session, "test", "benchmarks")
    names = ("lm_eval", "llama_cpp", "engines", "activations")
    session.run("pytest", *(f"tests/parity/test_{name}.py" for name in names), "-m", "slow", *session.posargs)


@nox.session
def faults(session: nox.Session) -> None:
    """Kill runs at random moments and change bytes of files, at length."""
    install(session, "test")
    session.run("pytest", "tests/faults", "-m", "", *PARALLEL, *session.posargs, env=ONE_THREAD)


@nox.session
def lint(session: nox.Session) -> None:
    """Check the code style."""
    session.install(*LOCKED, *nox.project.dependency_groups(PROJECT, "lint"))
    session.run("ruff", "check", ".", *session.posargs)
    session.run("ruff", "format", "--check", ".", *session.posargs)


@nox.session
def types(session: nox.Session) -> None:
    """Check the types of the package and of its tests."""
    install(session, "test", "lint")
    session.run("mypy", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Run the changed pages and build the site; `-- PAGE` runs that page alone, for a preview."""
    install(session, "docs")
    session.run("python", "-m", "docs.making.execution", *session.posargs)
    session.run("python", "-m", "docs.making.source", *session.posargs)
    session.run("python", "-m", "mkdocs", "build", env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session
def publish(session: nox.Session) -> None:
    """Commit the site of this version to the branch gh-pages, next to other versions; nothing is pushed."""
    docs(session)
    ask = "from importlib.metadata import version; print(version('gpt-toolkit'))"
    version = str(session.run("python", "-c", ask, silent=True)).strip()
    session.run("mike", "deploy", "--update-aliases", version, "latest", env={"DOCS_VERSIONS": "mike"})
    session.run("mike", "set-default", "latest")


@nox.session
def site(session: nox.Session) -> None:
    """Test the site that `nox -s docs` built, in the system's headless Chromium without a network."""
    install(session, "docs", "site")
    session.run("pytest", "tests/docs", "-m", "", *session.posargs)


@nox.session
def benchmarks(session: nox.Session) -> None:
    """Compare speed and memory with other tools and with the recorded ratios; `-- --record` renews these."""
    install(session, "benchmarks")
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session
def ray(session: nox.Session) -> None:
    """Test that a local Ray cluster of two workers writes the same token shards as one process."""
    session.install(*LOCKED, "--editable", ".[ray]", *nox.project.dependency_groups(PROJECT, "test"))
    session.run("pytest", "tests/data/pretraining/test_ray_encoder.py", "-m", "", *session.posargs)


@nox.session
def kernel(session: nox.Session) -> None:
    """Test the loss's Triton kernel, interpreted on the CPU; `-- --gpu` runs it on a GPU."""
    install(session, "test")
    session.install("triton>=3.4")
    interpret = {} if "--gpu" in session.posargs else {"TRITON_INTERPRET": "1", "CUDA_VISIBLE_DEVICES": ""}
    session.run("pytest", "tests/losses/test_triton_cross_entropy.py", env=interpret)
