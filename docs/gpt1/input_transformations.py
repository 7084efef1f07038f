# %% [markdown]
# # How does a task become one sequence?
#
# *GPT-1 §3.3, Figure 1.* A language model reads one sequence of tokens. Entailment has two texts, similarity has two texts without an
# order, and multiple choice has several answers. GPT-1 changes the input instead of the network: every task becomes one or more sequences
# with three special tokens,
#
# $$\langle\text{start}\rangle \;\; \text{premise} \;\; \langle\text{delimiter}\rangle \;\; \text{hypothesis} \;\; \langle\text{extract}\rangle$$
#
# The task's head reads the hidden state of the extract token. The embeddings of the special tokens and the head are the only new
# parameters.
#
# [`gpt_toolkit.data.supervised.input_transforms`][gpt_toolkit.data.supervised.input_transforms] has one function for each drawing of Figure 1:

# %% tags=["hide"]
import inspect

from IPython.display import Markdown

from gpt_toolkit.data.supervised import input_transforms

drawings = (
    input_transforms.classification,
    input_transforms.entailment,
    input_transforms.similarity,
    input_transforms.multiple_choice,
)
Markdown("```python\n" + "\n\n".join(inspect.getsource(each) for each in drawings) + "```")

# %% [markdown]
# ## Four tasks of Storyworld
#
# Storyworld is the toolkit's [built-in synthetic world](../glossary.md#storyworld). Four of its labeled datasets are counterparts of SST-2,
# MNLI, STS-B and Story Cloze. `rows` shows the first training example of each as
# [`SupervisedDataModule`][gpt_toolkit.data.supervised.datamodule.SupervisedDataModule] encodes it, with a bar between two tokens.
# `gpt-toolkit doctor` prints the same before a run.

# %%
import gpt_toolkit as gt

names = ["sentiment", "entailment", "similarity", "endings"]
data = gt.SupervisedDataModule(
    [f"storyworld:{name}:64" for name in names], tokenizer="storyworld", n_ctx=256, mixture="equal"
)
data.prepare_data()
data.setup("fit")
for row in data.rows(1):
    print(row, end="\n\n")

# %% [markdown]
# Similarity becomes *two* sequences, one in each order. Their extract states are added, so the order of the texts makes no difference.
# Multiple choice becomes one sequence for each answer, with a softmax over the answers' scores.
#
# ## Figure 1, drawn from batches
#
# The same examples as the network receives them. Each bar is one sequence of a batch; special tokens are colored.

# %% alt="Horizontal bars for eight sequences: one for sentiment, one for entailment, two for similarity in both orders, two for endings. Every bar starts with the start token and ends with the extract token; bars of two texts have a delimiter between them." tags=["fold"]
import matplotlib.pyplot as plt

vocabulary_size = data.vocabulary.vocab_size
colors = {vocabulary_size: "C2", vocabulary_size + 1: "C1", vocabulary_size + 2: "C0"}
bars, labels = [], []
for batch in data.train_dataloader():
    if any(label.startswith(batch["task"]) for label in labels):
        continue
    for choice, ids in enumerate(batch["input_ids"][0].tolist()):
        bars.append(ids[: batch["lengths"][0, choice]])
        labels.append(f"{batch['task']}" + (f", {choice + 1}" if batch["input_ids"].shape[1] > 1 else ""))
    if len({label.partition(",")[0] for label in labels}) == len(names):
        break
figure, axes = plt.subplots(figsize=(8, 3))
for place, ids in enumerate(bars):
    axes.barh(-place, len(ids), height=0.6, color="#80808055")
    for position, token in enumerate(ids):
        if token in colors:
            axes.barh(-place, 1.5, left=position, height=0.6, color=colors[token])
for token, name in zip(colors, input_transforms.SPECIAL_TOKENS, strict=True):
    axes.barh(0, 0, color=colors[token], label=name)
axes.set(yticks=[-place for place in range(len(bars))], yticklabels=labels, xlabel="position, tokens")
axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.16), ncols=3)
plt.show()

# %% [markdown]
# ## Truncation of long examples
#
# The paper does not say how long examples are truncated. The released code keeps the first `n_ctx // 2 - 2` tokens of each text. We do the
# same, except where a question stands between document and answers: there only the document is truncated.
# [`truncate`][gpt_toolkit.data.supervised.input_transforms.truncate] makes this decision for all examples at once.

# %%
import numpy as np

for what, lengths in {
    "one text": [[600]],
    "premise, hypothesis": [[600, 20]],
    "document, question, two answers": [[600, 20, 30, 10]],
}.items():
    kept = input_transforms.truncate(np.array(lengths), n_ctx=512)[0].tolist()
    print(f"{what:32} {lengths[0]} -> {kept}")

# %% [markdown]
# ## Differences from the paper
#
# | | GPT-1 | here |
# |---|---|---|
# | special tokens | `_start_`, `_delimiter_`, `_classify_`, ids 40478 to 40480 | start, delimiter, extract: the three ids after the vocabulary |
# | padding | id 0 on the right, no mask | any id on the right, no mask: under the causal mask no real token attends to padding |
# | positions | rows of the token embedding matrix | a separate matrix; the sums are the same |
# | truncation of RACE | not stated | the document is truncated; question and answers stay whole |
#
# Exercise on this page, solutions behind a fold: [`gpt1-3.3`](../guides/exercises.md#gpt1-3.3).
#
# Next: [what fine-tuning adds](finetuning.md).
