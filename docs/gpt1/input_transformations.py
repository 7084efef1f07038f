# %% [markdown]
# # How does a task become one sequence?
#
# *GPT-1 §3.3, Figure 1.* A language model reads one running text, but entailment has two texts, similarity two of which neither comes
# first, and multiple choice many. GPT-1 leaves the network alone and changes the input: every task becomes one or more sequences
# between three marks,
#
# $$\langle\text{start}\rangle \;\; \text{premise} \;\; \langle\text{delimiter}\rangle \;\; \text{hypothesis} \;\; \langle\text{extract}\rangle$$
#
# and the task's head reads the hidden state of the last one. The marks' embeddings are all that is new in the network.
#
# Our code for it is [`gpt_toolkit.data.supervised.input_transforms`][gpt_toolkit.data.supervised.input_transforms], a function for each drawing of Figure 1:

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
# ## Four tasks of the built-in world
#
# Each has a twin among GPT-1's sets: SST-2, MNLI, STS-B and Story Cloze. `rows` shows what
# [`SupervisedDataModule`][gpt_toolkit.data.supervised.datamodule.SupervisedDataModule] makes of the first training row of each, a bar between two
# tokens. (`gpt-toolkit doctor` prints the same before a run.)

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
# Similarity has *two* sequences, one in each order, whose extract states are added: which text comes first then makes no difference.
# Multiple choice has one for each answer, and a softmax over the answers' scores.
#
# ## Figure 1, drawn from batches
#
# The same rows as the network gets them. Each bar is a sequence of a batch, its marks in color.

# %% alt="Horizontal bars for eight sequences: one for sentiment, one for entailment, two for similarity in both orders, two for endings. Every bar begins with a start mark and ends with an extract mark; those of two texts have a delimiter between." tags=["fold"]
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
# ## What gives way when a row is too long
#
# The paper is silent; the released code keeps `n_ctx // 2 - 2` tokens of each text. We do the same, except where a question stands
# between document and answers: there only the document is truncated. [`truncate`][gpt_toolkit.data.supervised.input_transforms.truncate] decides this for all examples at once.

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
# ## Where we differ from the paper
#
# | | GPT-1 | here |
# |---|---|---|
# | marks | `_start_`, `_delimiter_`, `_classify_`, ids 40478 to 40480 | start, delimiter, extract: the three ids after any vocabulary |
# | padding | id 0 at the right, no mask | any id at the right, no mask: nothing attends to it |
# | positions | rows of the same matrix as the tokens | a matrix of their own, the same sums |
# | RACE's cut | not stated | the document gives way, question and answers stay whole |
#
# Next: [what the loss is made of](finetuning.md).
