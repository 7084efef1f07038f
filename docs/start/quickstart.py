# ---
# makes: [runs/quickstart]
# ---
# %% [markdown]
# # Quickstart
#
# Train a small GPT-2 in a few minutes, then evaluate it and let it write. The training text is *Storyworld*, the toolkit's
# [built-in synthetic world](../glossary.md#storyworld): a program writes short stories about invented people and their things. Nothing is
# downloaded and no GPU is needed.
#
# This run reads 24,000 stories. Storyworld also has letters, dialogues and other documents, used on [other pages](../gpt2/tasks_as_text.md).
# On this site, *the quickstart's model* is the model trained here.
#
# ## Train
#
# One command and one YAML file, [`storyworld/quickstart`](../reference/configs.md#storyworldquickstart). During training the model writes a
# sample twice.

# %% language="bash"
# gpt-toolkit fit --config storyworld/quickstart

# %% [markdown]
# `loss` is the mean negative log-likelihood of the next token, in nats. `val` is the same on documents that the model does not train on.
# The run has a folder, `runs/quickstart`, and its metrics are in `metrics.csv`.

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
# ## Results
#
# `report` evaluates the model in three ways:
#
# - it compares the loss with that of an n-gram model on the same held-out tokens;
# - it generates samples;
# - it runs Storyworld's small benchmarks *zero-shot*, without training on them, as GPT-2 did (see
#   [Tasks as text](../gpt2/tasks_as_text.md)).

# %% language="bash"
# gpt-toolkit report runs/quickstart --samples 1 --limit 100

# %% [markdown]
# ## Use the model
#
# `model/` is a folder in Hugging Face's layout. `transformers` loads it, and so does this toolkit.

# %%
import gpt_toolkit as gt

model = gt.load("runs/quickstart/model")
beginning = "It was a mild evening in autumn. There once lived a patient miller named Nora."
print(beginning + model.generate(beginning, max_new_tokens=80, top_p=0.9, temperature=0.7, seed=0))

# %% [markdown]
# [`score`][gpt_toolkit.generation.language_model.LanguageModel.score] returns the log-probability of a continuation, and whether greedy
# decoding would generate it.

# %%
for continuation in (" Nora", " Kaspar"):
    log_probability, greedy = model.score(f"{beginning}\n\nA little later", continuation)
    print(f"{continuation!r:10} log-probability {log_probability:7.2f} nats, greedy {greedy}")

# %% [markdown]
# ## A larger model of the same world
#
# `storyworld/pretrain` is ten times the model and ten times the text, which also has letters, dialogues, translations and other documents.
# It is never trained for a task. Measured once on two CPU cores with bf16 instructions:
#
# | `gpt-toolkit fit --config` | `storyworld/quickstart` | `storyworld/pretrain` |
# |---|---:|---:|
# | blocks x width, tokens read | 2 x 128, 5.3 M | 3 x 336, 53 M |
# | training time | 3 minutes | 2 hours |
# | perplexity of the same held-out stories | 1.72 | 1.53 |
# | zero-shot: last word (%) | 75.8 | 94.5 |
# | common nouns, names (%, chance: 10) | 74.5, 81.8 | 85.8, 97.0 |
# | answers in a conversation (F1) | 2.0 | 93.2 |
# | questions about the world (% exact) | 0.0 | 99.0 |
# | translation into and from the sister language (BLEU) | 0.0, 0.0 | 94.9, 89.7 |
#
# The zero-shot numbers are those of `gpt-toolkit zero-shot runs/pretrain/model --benchmarks storyworld --limit 400`. Pronouns stay at
# chance in both. The quickstart reads stories alone; `--data.world null` gives it all kinds of documents.
#
# Next: [your own text](own_text.md).
