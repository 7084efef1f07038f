# ---
# needs: [ideas/zero_shot]
# ---
# %% [markdown]
# # What does a prompt do, and what do examples in context?
#
# *GPT-2 §3.6 and §3.7.* `TL;DR:` after an article makes the model summarize; pairs *english = french* make it translate (*in-context
# learning*). No weights change. Without `TL;DR:` the paper loses 6.4 ROUGE points. A prompt changes the distribution of the next tokens. We
# measure by how much.
#
# ## The hint
#
# Like some text of the web, reports in Storyworld, the toolkit's [built-in synthetic world](../glossary.md#storyworld), end with a summary.
# The model is that of the [zero-shot page](zero_shot.md), whose training text contains reports and translations. For 40 held-out reports we
# measure the loss of the *right* summary in nats per token: after the article with `TL;DR:`, with a wrong hint, and without a hint. Lower is
# better.

# %%
from itertools import islice
from statistics import fmean

import gpt_toolkit as gt
from gpt_toolkit.storyworld.benchmarks import benchmark

model = gt.load("runs/traces/model", device="cpu")


def cost(context: str, continuation: str) -> float:
    """Nats per token of a continuation; the context loses its beginning where it is too long."""
    answer = model.tokenizer.encode(continuation)
    room = model.decoder.config.n_ctx - len(answer)
    ids = model.tokenizer.encode(context)[-room:]
    return -model.score(model.tokenizer.decode(ids), continuation)[0] / len(answer)


summaries = list(islice(benchmark("summaries", 0), 40))
hints = {"TL;DR:": "\nTL;DR:", "no hint": "\n", "Q: … A:": "\nQ: What is this?\nA:"}
costs = {
    name: fmean(cost(row.article + hint, f" {row.highlights}") for row in summaries)
    for name, hint in hints.items()
}
others = {
    name: fmean(
        cost(row.article + hint, f" {other.highlights}")
        for row, other in zip(summaries, [*summaries[1:], summaries[0]], strict=True)
    )
    for name, hint in hints.items()
}
print("nats per token of    the right summary   another report's")
for name in hints:
    print(f"{name:20} {costs[name]:12.2f} {others[name]:18.2f}")

# %% tags=["hide"]
from IPython.display import Markdown

own = abs(others["TL;DR:"] - costs["TL;DR:"])
Markdown(
    f"The hint lowers the loss of the right summary by {costs['no hint'] - costs['TL;DR:']:.2f} nats per token, and that of another report's by {others['no hint'] - others['TL;DR:']:.2f}. It tells the model "
    f"which *type* of text follows. The difference between the columns shows whether the model uses *this* report: it is {own:.2f} nats with the hint, "
    + ("so it hardly does." if own < 0.2 else "so it does, in part.")
)

# %% [markdown]
# ## Examples in context
#
# Now translation, with $k$ example pairs before the sentence to translate (*few-shot*). The model needs the form (*english = vallic*) and
# the words.

# %%
pairs = list(islice(benchmark("translation", 0), 60))
shown, asked = pairs[:8], pairs[8:48]
counts = [0, 1, 2, 4, 8]
curve, shuffled = [], []
for k in counts:
    right = "".join(f"{row.english} = {row.sister}\n" for row in shown[:k])
    wrong = "".join(
        f"{row.english} = {other.sister}\n"
        for row, other in zip(shown[:k], shown[1 : k + 1] or shown[:k], strict=False)
    )
    curve.append(fmean(cost(f"{right}{row.english} =", f" {row.sister}") for row in asked))
    shuffled.append(fmean(cost(f"{wrong}{row.english} =", f" {row.sister}") for row in asked))

# %% alt="Nats per token of the right translation over the number of examples in context, with right and with exchanged translations." tags=["fold"]
import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(7, 3))
axes.plot(counts, curve, marker="o", label="examples with their translations")
axes.plot(counts, shuffled, marker="s", linestyle="--", label="examples with another's")
axes.set(xlabel="examples in context", ylabel="nats per token", xticks=counts)
axes.legend()
plt.show()

# %% tags=["hide"]
Markdown(
    f"The loss of the right translation is {curve[0]:.2f} nats per token without an example, {curve[1]:.2f} with one, {curve[-1]:.2f} with eight, and {shuffled[-1]:.2f} with eight *wrong* ones. "
    + (
        "The examples change nothing here. The equals sign alone shows which type of text follows, and this model is too small for the words."
        if abs(curve[-1] - curve[0]) < 0.1
        else "Right and wrong examples help about equally: they provide the form, not the task."
        if abs(curve[-1] - shuffled[-1]) < 0.1
        else "Right examples help more than wrong ones: the model takes some of the words from them."
    )
)

# %% [markdown]
# ## What the papers say
#
# | CNN/Daily Mail, GPT-2 Table 4 | ROUGE, mean of 1, 2 and L |
# |---|---|
# | with `TL;DR:` | 21.40 |
# | no hint | 15.03 |
# | three random sentences of the article | 20.98 |
#
# With its hint GPT-2 is just above three random sentences: it produces the form of a summary, but little of the content. Learning the task
# itself from examples in context came after these two papers, with larger models.
#
# Next: [how perplexities compare](perplexities.md).
