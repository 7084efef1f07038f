# %% [markdown]
# # Commands
#
# The `--help` text of every verb, collected when the site was built.

# %% tags=["hide"]
import contextlib
import io

from IPython.display import Markdown

from gpt_toolkit.cli import COMMANDS, TRAINER_VERBS, main


def output_of(*arguments: str) -> str:
    """Return the output of a call."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        main([*arguments])
    return printed.getvalue().strip()


Markdown(f"```text\n{output_of('--help')}\n```")

# %% [markdown]
# ## Verbs with a config
#
# These take `--config FILE`, which can be repeated (later files override earlier ones), and any setting as `--model.…`, `--data.…`,
# `--trainer.…`:

# %% tags=["hide"]
Markdown(
    "\n".join(
        ["| verb | |", "|---|---|", *(f"| `{verb}` | {what} |" for verb, what in TRAINER_VERBS.items())]
    )
)

# %% [markdown]
# `gpt-toolkit fit --config NAME --print_config` prints every setting of a run. The settings are the constructor arguments of
# [tasks](api/tasks.md), [DataModules](api/data.md) and Lightning's `Trainer`. `predict` also takes a model and a file, without a config; this form is below.

# %% tags=["hide"]
parts = [f"## {verb}\n\n```text\n{output_of(verb, '--help')}\n```" for verb in sorted(["predict", *COMMANDS])]
Markdown("\n\n".join(parts))

# %% [markdown]
# Next: [configs](configs.md).
