# %% [markdown]
# # The map of the toolkit
#
# Text becomes tokens, tokens become batches, batches hidden states, hidden states logits, and logits a loss or a metric. Each of these
# has its room in `gpt_toolkit/`, and a room may import only what stands before it in that flow: tasks never know the data, the backbone
# knows nobody. The picture is not drawn by hand. The cell below reads the imports of every file.

# %%
import ast
from pathlib import Path

import gpt_toolkit

package = Path(gpt_toolkit.__file__).parent
rooms: dict[str, set[str]] = {}
lines: dict[str, int] = {}
for path in sorted(package.rglob("*.py")):
    room = path.relative_to(package).parts[0].removesuffix(".py")
    text = path.read_text(encoding="utf-8")
    lines[room] = lines.get(room, 0) + text.count("\n")
    imported = rooms.setdefault(room, set())
    for node in ast.walk(ast.parse(text)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        parts = [name.split(".") for name in names if name.startswith("gpt_toolkit.")]
        imported |= {
            part[1] for part in parts if (package / part[1]).is_dir() or (package / f"{part[1]}.py").is_file()
        }
    imported.discard(room)

# %% [markdown]
# A room stands to the right of everything that it imports. Only the arrows that do not follow from others are drawn: an arrow from
# `tasks` to `heads` and one from `heads` to `backbone` say also that `tasks` reaches `backbone`.

# %% alt="The rooms of the package in columns from left to right: storyworld, text, backbone, optim and batch import nothing of ours; then data, heads, losses and metrics; then generation, analysis, tasks and model; then commands; cli at the right end." tags=["fold"]
import matplotlib.pyplot as plt

drawn = {room: needed for room, needed in rooms.items() if not room.startswith("__")}
depth: dict[str, int] = {}


def depth_of(room: str) -> int:
    if room not in depth:
        depth[room] = 1 + max((depth_of(needed) for needed in drawn[room]), default=-1)
    return depth[room]


def reaches(room: str, target: str) -> bool:
    return target in drawn[room] or any(reaches(needed, target) for needed in drawn[room])


columns: dict[int, list[str]] = {}
for room in sorted(drawn, key=lambda room: -lines[room]):
    columns.setdefault(depth_of(room), []).append(room)
places = {
    room: (column, (len(members) - 1) / 2 - row)
    for column, members in columns.items()
    for row, room in enumerate(members)
}
figure, axes = plt.subplots(figsize=(9, 5))
for room, needed in drawn.items():
    for other in needed:
        if any(reaches(between, other) for between in needed - {other}):
            continue
        axes.annotate(
            "", xy=places[other], xytext=places[room],
            arrowprops={"arrowstyle": "->", "color": "#808080", "shrinkA": 26, "shrinkB": 30, "linewidth": 0.9},
        )  # fmt: skip
for room, (x, y) in places.items():
    axes.text(
        x, y, f"{room}\n{lines[room]:,} lines", ha="center", va="center", fontsize=9,
        bbox={"boxstyle": "round,pad=0.5", "facecolor": "none", "edgecolor": "C0"},
    )  # fmt: skip
axes.set(xlim=(-0.5, max(columns) + 0.5), ylim=(-3, 3))
axes.axis("off")
plt.show()

# %% tags=["hide"]
from IPython.display import Markdown

what = {
    "text": "text to tokens: cleaning, vocabularies; no torch",
    "storyworld": "the built-in world: text and labelled rows without end",
    "data": "tokens to batches: the LightningDataModules",
    "batch": "what a batch holds: where data and tasks meet",
    "backbone": "batches to hidden states: the decoder of both papers, its weights in everybody's layout",
    "heads": "hidden states to logits",
    "losses": "hidden states to a loss, without ever holding all logits",
    "metrics": "perplexity with its unit, accuracy with its interval",
    "optim": "AdamW, Muon, schedules",
    "generation": "writing, and scoring what is written",
    "tasks": "the LightningModules: pre-training, fine-tuning, zero-shot",
    "callbacks": "what a run prints and keeps",
    "model": "decoder and tokenizer, ready to use",
    "analysis": "n-grams to compare with, overlap of texts, estimates over seeds",
    "commands": "the verbs that need no Trainer",
    "cli": "the command line",
    "harness": "our models in lm-evaluation-harness",
}
table = ["| Room | What it does | Imports |", "|---|---|---|"]
for room in sorted(drawn, key=lambda room: (depth[room], -lines[room])):
    table.append(
        f"| `{room}` | {what[room]} | {', '.join(f'`{other}`' for other in sorted(drawn[room])) or 'nothing of ours'} |"
    )
Markdown("\n".join(table))

# %% [markdown]
# The rule is a test: `tests/test_imports.py` reads the same syntax trees and fails on any arrow that the plan does not have. Where a
# section of the papers lives is listed in [From the papers to the code](../papers.md).
#
# Next: [GPT-1's pre-training](../gpt1/pretraining.md).
