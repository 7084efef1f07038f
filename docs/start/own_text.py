# %% [markdown]
# # Your own text
#
# One command trains a small GPT-2 on any text. The example is a text that every reader of this page has: 60 modules of Python's standard
# library, joined in one file.

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
# ## Check before training
#
# `doctor` takes the arguments of `fit` and reports what the run would need: tokens, shapes, memory and time.

# %% language="bash"
# rm -rf runs/python
# gpt-toolkit doctor --config text/own --data.files python.txt --trainer.max_steps 200

# %% [markdown]
# The config [`text/own`](../reference/configs.md#textown) adapts only the vocabulary to the text:
#
# - Below 200 kB of text, the tokens are raw bytes.
# - Above, a byte-level BPE is trained on the text. Its size is about twice the square root of the number of bytes, for example 2,048 entries
#   for 1 MB, and at most GPT-2's 50,257.
#
# Everything else is fixed in the config. The model is `gpt-micro` (4 layers of width 128). A step has 16 windows of 128 tokens. The run has
# 1,500 steps and holds out 5% of the text for validation.
#
# ## Train
#
# This page uses 200 steps instead of the config's 1,500. A run writes to one folder.

# %% language="bash"
# gpt-toolkit fit --config text/own --data.files python.txt --trainer.max_steps 200 --trainer.default_root_dir runs/python

# %%
for path in sorted(Path("runs/python").rglob("*")):
    if path.is_file() and "tensorboard" not in path.parts:
        print(f"{path.relative_to('runs/python')!s:32} {path.stat().st_size:11,} bytes")

# %% [markdown]
# ## Generate text

# %% language="bash"
# gpt-toolkit generate runs/python/model --prompt "def " --max_new_tokens 60 --num_samples 2 --temperature 0.7 --seed 1

# %% [markdown]
# In a longer run, validation is printed every 250 steps. `val_bits_per_byte` can be compared with other vocabularies and other tools.
# Without `--prompt`, `generate` starts a conversation on a terminal.
#
# For a text of more than a few megabytes, use a larger model: `--model.decoder.preset gpt-mini`, `gpt-midi` or `gpt-maxi`.
# [Your own data](../guides/own_data.md) explains files, folders and formats. [Use a trained model](../guides/use_a_model.md) shows what to do
# with a model: surprisal of words, and labels of new texts after fine-tuning.
#
# Next: [the map of the toolkit](map.md).
