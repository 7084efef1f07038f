# ---
# makes: [runs/quickstart]
# ---
# %% [markdown]
# # Quickstart
#
# A small GPT-2 learns to write as the people of *Storyworld* do, a world that comes with the
# package. It reads 24,000 stories; letters, dialogues and other documents are there for [other pages](../gpt2/tasks_as_text.md). Nothing is
# downloaded and no GPU is needed. Every other page of this site that says *the quickstart's model* means the one
# that is made here.
#
# ## Train
#
# One command, one YAML file: [`storyworld/quickstart`](../reference/configs.md#storyworldquickstart). Twice
# along the way the model writes a text.

# %% language="bash"
# gpt-toolkit fit --config storyworld/quickstart

# %% [markdown]
# `loss` is the mean negative log-likelihood of the next token in nats, `val` the same on documents that the model does not train on.
# The run has a folder, `runs/quickstart`; its curve is in `metrics.csv`.

# %% alt="Training and validation loss fall from 8 to about 0.5 nats per token, most of the way within 200 steps." tags=["fold"]
import csv
from pathlib import Path

import matplotlib.pyplot as plt

with Path("runs/quickstart/metrics.csv").open(encoding="utf-8") as file:
    rows = list(csv.DictReader(file))
curves = {
    name: [(int(row["step"]), float(row[name])) for row in rows if row.get(name)]
    for name in ("train_loss", "val_loss")
}
figure, axes = plt.subplots()
axes.plot(*zip(*curves["train_loss"], strict=True), linewidth=0.8, label="training")
axes.plot(*zip(*curves["val_loss"], strict=True), marker="o", label="validation")
axes.set(xlabel="step", ylabel="loss, nats per token")
axes.legend()
plt.show()

# %% [markdown]
# ## What it came to
#
# `report` compares the model with an n-gram model on the same held-out tokens, lets it write, and asks it the small benchmarks of the
# built-in world without any training on them (GPT-2's way, see [Tasks as text](../gpt2/tasks_as_text.md)).

# %% language="bash"
# gpt-toolkit report runs/quickstart --samples 1 --limit 100

# %% [markdown]
# ## Use the model
#
# `model/` is a folder in the layout of Hugging Face: `transformers` loads it, and so do we.

# %%
import gpt_toolkit as gt

model = gt.load("runs/quickstart/model")
beginning = "It was a mild evening in autumn. There once lived a patient miller named Nora."
print(beginning + model.generate(beginning, max_new_tokens=80, top_p=0.9, temperature=0.7, seed=0))

# %% [markdown]
# [`score`][gpt_toolkit.generation.language_model.LanguageModel.score] says how likely the model finds a continuation, and whether it would write it itself.

# %%
for continuation in (" Nora", " Kaspar"):
    log_probability, greedy = model.score(f"{beginning}\n\nA little later", continuation)
    print(f"{continuation!r:10} log-probability {log_probability:7.2f} nats, greedy {greedy}")

# %% [markdown]
# Next: [your own text](own_text.md).
