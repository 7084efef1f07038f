# %% [markdown]
# # Troubleshooting
#
# Every error of the toolkit is one line: what was given, what was expected and what to do. `GPT_TOOLKIT_TRACEBACK=1` shows where it was
# raised. `gpt-toolkit doctor` takes the arguments of `fit` and checks everything before the first step.
#
# ## Common problems
#
# | What you see | Why | What to do |
# |---|---|---|
# | `no option model.optimzer: did you mean …` | a typo; nothing was started | use the suggested name |
# | `n_head: 7; expected a divisor of n_embd 128` | all heads have the same width | use one of the suggested numbers |
# | the folder already contains a run | a run is never overwritten | `--ckpt_path last` to resume, or another `--trainer.default_root_dir` |
# | `data: …; expected …, as in the checkpoint` | data, their order or the windows of a step have changed | restore the old settings, or set `--model.accept_new_plan true` on purpose |
# | out of memory | batch times context is too large | a smaller `--data.batch_size` with `--trainer.accumulate_grad_batches` gives the same run in less memory; then `--model.activation_checkpointing true` |
# | slow on a CPU | the processor emulates the precision (a warning gives the factor), or several runs compete | leave out `--trainer.precision`, see [hardware](hardware.md); `OMP_NUM_THREADS` |
# | the loss is not finite | learning rate too high, or fp16 | see [spikes](resume.md#spikes) |
# | the tokenizer is not the model's | `init_from` and `data.tokenizer` differ | leave out `data.tokenizer` |
# | `… is not allowed in a config` | a config names a class that is not Lightning's or gpt_toolkit's | `--allow PACKAGE` if you trust it, see [files from others](safety.md) |
# | `internal error: …` | a bug of gpt_toolkit, or an error of a library that no message foresees | report it with the output under `GPT_TOOLKIT_TRACEBACK=1` |
# | a name of the hub is not found | no network, or offline mode | download the files and give their folder instead of the name |
#
# ## Every message
#
# All messages that the package raises, collected from its code when this page was built. Words in braces are filled in.

# %% tags=["hide"]
import ast
import re
from html import escape
from pathlib import Path

from IPython.display import Markdown

import gpt_toolkit

package = Path(gpt_toolkit.__file__).parent


def words(node: ast.expr) -> str:
    """Return the text of a message, with names in braces where values are filled in."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(words(part) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return "{" + re.findall(r"\w+", ast.unparse(node.value))[-1] + "}"
    if isinstance(node, ast.BinOp):
        return words(node.left) + words(node.right)
    return "{…}"


found: dict[str, list[tuple[str, str]]] = {}
for path in sorted(package.rglob("*.py")):
    room = path.relative_to(package).parts[0].removesuffix(".py")
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
            text = words(node.exc.args[0]).strip()
            if sum(letter.isalpha() for letter in text) > 20:
                found.setdefault(room, []).append((ast.unparse(node.exc.func), text))
parts = []
for room in sorted(found):
    rows = sorted(set(found[room]), key=lambda row: row[1].lower())
    lines = [
        f"| `{kind}` | {escape(text).replace('|', '&#124;').replace('{', '&#123;').replace('*', '&#42;').replace('_', '&#95;')} |"
        for kind, text in rows
    ]
    parts.append(
        "\n".join(
            [
                f"### {room}",
                "",
                "| Error | Message |",
                "|---|---|",
                *(line.replace(chr(10), " ") for line in lines),
            ]
        )
    )
Markdown("\n\n".join([f"{sum(map(len, found.values()))} messages in {len(found)} packages.", *parts]))

# %% [markdown]
# Next: [from the papers to the code](../papers.md).
