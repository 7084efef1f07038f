"""The order in which packages import one another, and which of them import no torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "gpt_toolkit"

# Each package or module at the top, and those that it may import.
LEAVES = {"io", "hardware", "progress", "suggestions"}
ALLOWED = {
    "__init__": {"backbone", "data", "evaluation", "generation", "tasks", "tokenizers"},
    "__main__": {"cli"},
    "cli": {
        *("analysis", "backbone", "callbacks", "checkpoints", "data", "dry_run", "evaluation", "generation"),
        *("metrics", "optim", "storyworld", "tasks", "tokenizers"),
    },
    "dry_run": {
        *("backbone", "batches", "callbacks", "checkpoints", "data", "evaluation", "generation", "losses"),
        *("optim", "tasks", "tokenizers"),
    },
    "analysis": {
        *("batches", "callbacks", "checkpoints", "data", "evaluation", "generation", "metrics", "storyworld"),
        *("tasks", "tokenizers"),
    },
    "evaluation": {
        *("backbone", "batches", "callbacks", "checkpoints", "data", "generation", "metrics", "storyworld"),
        *("tasks", "tokenizers"),
    },
    "tasks": {
        *("backbone", "batches", "checkpoints", "generation", "losses", "metrics", "optim", "tokenizers"),
    },
    "callbacks": {"batches"},
    "data": {"batches", "storyworld", "tokenizers"},
    "generation": {"backbone", "batches", "checkpoints", "tokenizers"},
    "checkpoints": {"backbone", "tokenizers"},
    "losses": {"batches"},
    "metrics": {"batches"},
    "optim": set(),
    "backbone": set(),
    "batches": {"tokenizers"},
    "storyworld": set(),
    "tokenizers": set(),
    **{leaf: set() for leaf in LEAVES},
}
LIGHTNING = {"tasks", "data", "callbacks", "cli", "dry_run", "evaluation", "analysis"}
MODULES = sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    """Full names of everything that a module imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module or "")
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_stands_to_its_right(path: Path) -> None:
    room = room_of(path)
    for name in imports_of(path):
        parts = name.split(".")
        if parts[0] != "gpt_toolkit" or len(parts) == 1 or parts[1] == room:
            continue
        allowed = ALLOWED[room] | LEAVES
        assert parts[1] in allowed or ".".join(parts[1:3]) in allowed, f"{room} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_lightning_and_jsonargparse_stay_in_their_rooms(path: Path) -> None:
    roots = {name.split(".")[0] for name in imports_of(path)}
    assert "lightning" not in roots or room_of(path) in LIGHTNING
    assert "jsonargparse" not in roots or room_of(path) == "cli"
    if room_of(path) == "tokenizers":
        assert "torch" not in roots


def test_no_room_is_missing_from_the_plan() -> None:
    assert {room_of(path) for path in MODULES} <= set(ALLOWED)


@pytest.mark.parametrize(
    "statement",
    [
        "import gpt_toolkit",
        "import gpt_toolkit.tokenizers",
        "import gpt_toolkit.storyworld",
        "import gpt_toolkit.cli.convert",
        "import gpt_toolkit.cli.generate",
        "import gpt_toolkit.analysis.overlap_report",
        "import gpt_toolkit.cli.report",
        "import gpt_toolkit.cli.tables",
        "import gpt_toolkit.cli.zero_shot",
        "import gpt_toolkit.cli.tokenizer",
        "from gpt_toolkit.cli import main; main(['--help'])",
        "from gpt_toolkit.cli import main; main(['generate', '--help'])",
        "from gpt_toolkit.cli import main; main(['tokenizer', 'encode', 'bytes', 'hello'])",
    ],
)
def test_what_needs_no_torch_does_not_import_it(statement: str) -> None:
    check = "import sys; assert not {'torch', 'lightning', 'transformers'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", f"{statement}\n{check}"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_public_name_is_there_and_no_other() -> None:
    import gpt_toolkit

    for name in gpt_toolkit.__all__:
        assert getattr(gpt_toolkit, name) is not None
    assert dir(gpt_toolkit) == sorted(gpt_toolkit.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Decodr'"):
        gpt_toolkit.Decodr  # noqa: B018
