"""Import order of packages, file names, and verbs that do not import torch."""

import ast
import subprocess
import sys
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "gpt_toolkit"

# Each package, and the packages that it may import. LEAVES may be imported by all.
LEAVES = {
    *(
        "checksums",
        "class_scores",
        "delimited",
        "hardware",
        "intervals",
        "io",
        "progress",
        "records",
        "suggestions",
    ),
    *("text_lines", "text_metrics", "utf8", "yaml_files"),
}
ALLOWED = {
    "__init__": {"backbone", "data", "evaluation", "generation", "inference", "tasks", "tokenizers"},
    "__main__": {"cli"},
    "cli": {
        *(
            "analysis",
            "backbone",
            "callbacks",
            "checkpoints",
            "class_predictions",
            "data",
            "dry_run",
            "evaluation",
            "exercises",
        ),
        *("generation", "inference", "interpretability", "metrics", "optim", "storyworld", "tasks"),
        "tokenizers",
    },
    "dry_run": {
        *("backbone", "callbacks", "checkpoints", "data", "evaluation", "generation", "losses"),
        *("optim", "tasks", "tokenizers"),
    },
    "analysis": {
        *("callbacks", "checkpoints", "data", "evaluation", "generation", "storyworld", "tokenizers"),
    },
    "interpretability": {"backbone", "generation"},
    "exercises": {
        *(
            "analysis",
            "backbone",
            "batches",
            "data",
            "evaluation",
            "generation",
            "losses",
            "optim",
            "tokenizers",
        ),
    },
    "evaluation": {
        *("backbone", "batches", "callbacks", "checkpoints", "data", "generation", "metrics", "storyworld"),
        "tokenizers",
    },
    "inference": {
        *("backbone", "batches", "checkpoints", "class_predictions", "data", "generation", "tokenizers"),
    },
    "tasks": {
        *("backbone", "batches", "checkpoints", "class_predictions", "generation", "losses", "metrics"),
        *("optim", "tokenizers"),
    },
    "class_predictions": {"batches", "losses"},
    "callbacks": {"checkpoints"},
    "data": {"batches", "storyworld", "tokenizers"},
    "generation": {"backbone", "batches", "checkpoints", "tokenizers"},
    "checkpoints": {"backbone", "batches", "tokenizers"},
    "losses": {"batches"},
    "metrics": {"batches"},
    "optim": set(),
    "backbone": set(),
    "batches": set(),
    "storyworld": set(),
    "tokenizers": set(),
    **{leaf: set() for leaf in LEAVES},
}
LIGHTNING = {"tasks", "data", "callbacks", "cli", "dry_run", "evaluation", "analysis"}
SHARED_NAMES = {"__init__", "datamodule"}
"""File names that several packages may have."""

FILES = sorted(PACKAGE.rglob("*.py"))


def package_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def module_name(path: Path) -> str:
    parts = ("gpt_toolkit", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts).removesuffix(".__init__")


MODULES = {module_name(path): path for path in FILES}


def imports_of(path: Path) -> set[str]:
    """Return the modules that a file imports, anywhere in it; the toolkit's own by file."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            full = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {name if name in MODULES else str(node.module) for name in full}
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_packages_before_it(path: Path) -> None:
    package = package_of(path)
    for name in imports_of(path):
        parts = name.split(".")
        if parts[0] == "gpt_toolkit" and len(parts) > 1 and parts[1] != package:
            assert parts[1] in ALLOWED[package] | LEAVES, f"{package} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_lightning_and_jsonargparse_and_torch_stay_where_they_belong(path: Path) -> None:
    roots = {name.split(".")[0] for name in imports_of(path)}
    assert "lightning" not in roots or package_of(path) in LIGHTNING
    assert "jsonargparse" not in roots or package_of(path) == "cli"
    assert "torch" not in roots or package_of(path) != "tokenizers"


def test_every_package_has_its_place_in_the_order() -> None:
    assert {package_of(path) for path in FILES} == set(ALLOWED)


def test_no_files_import_each_other_in_a_circle() -> None:
    graph = {name: imports_of(path) & set(MODULES) - {name} for name, path in MODULES.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"files import each other in a circle: {' -> '.join(error.args[1])}")


def test_no_two_files_have_the_same_name() -> None:
    names = Counter(path.stem for path in FILES if path.stem not in SHARED_NAMES)
    assert [name for name, n in names.items() if n > 1] == []


@pytest.mark.parametrize(
    "statement",
    [
        "import gpt_toolkit",
        "import gpt_toolkit.tokenizers",
        "import gpt_toolkit.storyworld",
        "import gpt_toolkit.cli.convert",
        "import gpt_toolkit.cli.exercise",
        "import gpt_toolkit.cli.generate",
        "import gpt_toolkit.cli.look",
        "import gpt_toolkit.cli.overlap",
        "import gpt_toolkit.cli.report",
        "import gpt_toolkit.cli.scaling",
        "import gpt_toolkit.cli.tables",
        "import gpt_toolkit.cli.zero_shot",
        "import gpt_toolkit.cli.tokenizer",
        "from gpt_toolkit.cli import main; main(['--help'])",
        "from gpt_toolkit.cli import main; main(['generate', '--help'])",
        "from gpt_toolkit.cli import main; main(['exercise'])",
        "from gpt_toolkit.cli import main; main(['tokenizer', 'encode', 'bytes', 'hello'])",
    ],
)
def test_verbs_that_need_no_torch_do_not_import_it(statement: str) -> None:
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
