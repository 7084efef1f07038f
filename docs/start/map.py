# %% [markdown]
# # The map of the toolkit
#
# Text becomes tokens, tokens become batches, batches hidden states, hidden states logits, and logits a loss or a metric. Each of these
# steps is a package in `gpt_toolkit/`. A package imports only packages that come before it. The cell below reads the imports of every file.

# %%
import ast
from pathlib import Path

import gpt_toolkit

folder = Path(gpt_toolkit.__file__).parent
imports: dict[str, set[str]] = {}
lines: dict[str, int] = {}
for path in sorted(folder.rglob("*.py")):
    package = path.relative_to(folder).parts[0].removesuffix(".py")
    text = path.read_text(encoding="utf-8")
    lines[package] = lines.get(package, 0) + text.count("\n")
    imported = imports.setdefault(package, set())
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gpt_toolkit"):
            names = [f"{node.module}.{alias.name}".split(".")[1] for alias in node.names]
            imported |= {
                name for name in names if (folder / name).is_dir() or (folder / f"{name}.py").is_file()
            }
    imported.discard(package)

# %% [markdown]
# A package is to the right of everything that it imports. An arrow is omitted where other arrows already lead there. Helpers that every
# package may import are not drawn: `class_scores`, `delimited`, `hardware`, `intervals`, `io`, `progress`, `records`, `suggestions`,
# `text_lines`, `text_metrics` and `utf8`.

# %% alt="The packages in columns, each to the right of the packages that it imports: from storyworld, tokenizers, backbone, optim and batches on the left, over data, checkpoints, generation, tasks, evaluation and analysis, to cli on the right." tags=["fold"]
import matplotlib.pyplot as plt

LEAVES = {
    *("class_scores", "delimited", "hardware", "intervals", "io", "progress", "records", "suggestions"),
    *("text_lines", "text_metrics", "utf8"),
}
drawn = {
    package: needed - LEAVES
    for package, needed in imports.items()
    if not package.startswith("__") and package not in LEAVES
}
depth: dict[str, int] = {}


def depth_of(package: str) -> int:
    if package not in depth:
        depth[package] = 1 + max((depth_of(needed) for needed in drawn[package]), default=-1)
    return depth[package]


def reaches(package: str, target: str) -> bool:
    return target in drawn[package] or any(reaches(needed, target) for needed in drawn[package])


columns: dict[int, list[str]] = {}
for package in sorted(drawn, key=lambda package: -lines[package]):
    columns.setdefault(depth_of(package), []).append(package)
places = {
    package: (column, (len(members) - 1) / 2 - row)
    for column, members in columns.items()
    for row, package in enumerate(members)
}
figure, axes = plt.subplots(figsize=(9, 5))
for package, needed in drawn.items():
    for other in needed:
        if any(reaches(between, other) for between in needed - {other}):
            continue
        axes.annotate(
            "", xy=places[other], xytext=places[package],
            arrowprops={"arrowstyle": "->", "color": "#808080", "shrinkA": 26, "shrinkB": 30, "linewidth": 0.9},
        )  # fmt: skip
for package, (x, y) in places.items():
    axes.text(
        x, y, f"{package}\n{lines[package]:,} lines", ha="center", va="center", fontsize=8,
        bbox={"boxstyle": "round,pad=0.5", "facecolor": "none", "edgecolor": "C0"},
    )  # fmt: skip
axes.set(xlim=(-0.5, max(columns) + 0.5), ylim=(-3, 3))
axes.axis("off")
plt.show()

# %% tags=["hide"]
from IPython.display import Markdown

contents = {
    "tokenizers": "text to token ids and back; no torch",
    "storyworld": "the built-in world: text, labelled datasets and benchmarks of any size",
    "data": "text and labelled examples to batches: the LightningDataModules",
    "batches": "what a batch holds",
    "backbone": "batches to hidden states and logits: the decoder of both papers",
    "checkpoints": "weights in files of any layout, from and to the decoder",
    "losses": "hidden states to a loss, without ever holding all logits",
    "metrics": "perplexity with its unit, accuracy with its interval",
    "optim": "AdamW, Muon, learning-rate schedules",
    "generation": "text from a model, and how likely a text is",
    "class_predictions": "a head's logits to names of classes, grades and choices",
    "inference": "trained models in use: `gt.load`, classes of new texts, surprisal",
    "tasks": "the LightningModules for pre-training, fine-tuning and generation",
    "evaluation": "zero-shot benchmarks: requests, protocols, scores",
    "callbacks": "progress, checkpoints, throughput, samples of a run",
    "analysis": "n-gram baseline, overlap of texts, scaling laws, the papers' tables",
    "exercises": "parts of both papers' models to write, with checks",
    "dry_run": "checks of a run before its first step: `gpt-toolkit doctor`",
    "cli": "the command line, one file a verb",
}
table = ["| Package | Contents | Imports |", "|---|---|---|"]
for package in sorted(drawn, key=lambda package: (depth[package], -lines[package])):
    others = ", ".join(f"`{other}`" for other in sorted(drawn[package]))
    table.append(f"| `{package}` | {contents.get(package, '')} | {others or 'none'} |")
Markdown("\n".join(table))

# %% [markdown]
# `tests/test_imports.py` enforces this order. [From the papers to the code](../papers.md) lists the file of each section of the papers.
#
# Next: [the whole model on one page](whole_model.md).
