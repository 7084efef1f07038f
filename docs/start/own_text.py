# %% [markdown]
# # Your own text
#
# One command takes any text. Vocabulary, window and batch are chosen for it. As an example we take a text that every reader of this page
# has: the source of Python's standard library, 60 of its modules in one file.

# %%
import json
from pathlib import Path

library = Path(json.__file__).parents[1]
modules = sorted(library.glob("*.py"))[:60]
Path("python.txt").write_text(
    "\n\n".join(path.read_text(encoding="utf-8") for path in modules), encoding="utf-8"
)
print(f"{len(modules)} modules, {Path('python.txt').stat().st_size / 1e6:.1f} MB")

# %% [markdown]
# ## Look before you train
#
# `doctor` reads the arguments of `fit` and tells what they come to: tokens, shapes, memory, time.

# %% language="bash"
# rm -rf runs/python
# gpt-toolkit doctor --config text/own --data.files python.txt --trainer.max_steps 200

# %% [markdown]
# ## Train
#
# 200 steps instead of the config's 1,500, for this page. A run has one folder.

# %% language="bash"
# gpt-toolkit fit --config text/own --data.files python.txt --trainer.max_steps 200 --trainer.default_root_dir runs/python

# %%
for path in sorted(Path("runs/python").rglob("*")):
    if path.is_file() and "tensorboard" not in path.parts:
        print(f"{path.relative_to('runs/python')!s:32} {path.stat().st_size:11,} bytes")

# %% [markdown]
# ## Let it write

# %% language="bash"
# gpt-toolkit generate runs/python/model --prompt "def " --max_new_tokens 60 --num_samples 2 --temperature 0.7 --seed 1

# %% [markdown]
# Of a longer run, what is held out of the text gives `val` every 250 steps: `val_bits_per_byte` compares with other vocabularies and other tools. Without `--prompt` on a
# terminal, `generate` is a conversation.
#
# When the text is longer than some megabytes, take a larger model: `--model.decoder.preset gpt-mini`, `gpt-midi` or `gpt-maxi`. More about
# files, folders and formats: [your own data](../guides/own_data.md).
#
# Next: [the map of the toolkit](map.md).
