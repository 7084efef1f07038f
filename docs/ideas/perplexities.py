# ---
# needs: [start/quickstart]
# ---
# %% [markdown]
# # How do perplexities of different papers compare?
#
# GPT-1 reports a perplexity of 18.4, GPT-2 reports 29.41 and 37.50, others report bits per byte. Most of these numbers cannot be compared.
# *Perplexity* is the exponential of a loss, and the loss is a sum of log-probabilities divided by a *number of units*. The papers divide by
# different units of different texts:
#
# $$\text{perplexity} = \exp\left(\frac{-\log P(\text{text})}{\text{units}}\right)$$
#
# The sum does not depend on the unit. The quotient does, and the exponential amplifies the difference. GPT-2 §3.1 divides by the dataset's
# own units, its words, so that models with different vocabularies can be compared.
#
# ## One model, one text, three perplexities

# %%
import math

import gpt_toolkit as gt
from gpt_toolkit.generation.requests import RunningText
from gpt_toolkit.generation.scorer import Scorer
from gpt_toolkit.storyworld import story

model = gt.load("runs/quickstart/model", device="cpu")
text = "\n\n".join(story(1, "test", index) for index in range(30))
scorer = Scorer(model.decoder, model.tokenizer)
ids = (model.tokenizer.end_of_text, *model.tokenizer.encode(text))
[answer] = scorer.running_texts([RunningText(ids, window=256, stride=256)])
nats = -answer.log_probability
units = {"token": answer.n_scored, "word": len(text.split()), "byte": len(text.encode())}
print(f"{nats:,.0f} nats for the whole text")
for unit, count in units.items():
    print(
        f"per {unit:6} {count:6,} units: {nats / count:5.2f} nats, perplexity {math.exp(nats / count):8.2f}"
    )
print(f"bits per byte: {nats / units['byte'] / math.log(2):.3f}")

# %% [markdown]
# All three are correct. A larger unit gives a larger number, since a word usually has several tokens.
#
# ## Window and stride
#
# The first tokens of a window have little context. A stride smaller than the window gives each token more context, and needs more forward
# passes. Papers that do not state the stride leave this open:

# %% alt="Perplexity per token over the stride: it falls from windows that do not overlap to windows that move by 32 tokens." tags=["fold"]
import matplotlib.pyplot as plt

strides = [32, 64, 128, 256]
part = ids[:3000]
values = []
for stride in strides:
    [answer] = scorer.running_texts([RunningText(part, window=256, stride=stride)])
    values.append(math.exp(-answer.log_probability / answer.n_scored))
figure, axes = plt.subplots(figsize=(6, 2.8))
axes.plot(strides, values, marker="o")
axes.set(xscale="log", xlabel="stride of a window of 256 tokens", ylabel="perplexity per token")
axes.set_xticks(strides, [str(stride) for stride in strides])
axes.minorticks_off()
plt.show()

# %% tags=["hide"]
from IPython.display import Markdown

Markdown(
    f"From {values[-1]:.2f} to {values[0]:.2f} for the same weights and the same text. Storyworld's documents are short; the longer a text's threads, the "
    "more the stride matters."
)

# %% [markdown]
# ## The same question for GPT-2's numbers
#
# For the small model, a perplexity per *token* of the raw text gives about the paper's 29.41 on WikiText-2. A perplexity per *word* of the
# same text gives about its 37.50 on WikiText-103. Others measured with the released weights:
#
# | text and rule | perplexity |
# |---|---|
# | WikiText-2 raw, per token, windows without overlap | 29.94 |
# | the same documents, per word, de-tokenized (lm-eval) | 37.37 |
# | the same, bits per byte | 0.977 |
# | PTB, per token and per word | 52.53 and 79.65 |
# | the paper: WikiText-2, WikiText-103, PTB | 29.41, 37.50, 65.85 |
#
# ## The same rows, joined in four ways
#
# The hub's WikiText has one row a line. Scripts join the rows in different ways, and each joining is another text. For WikiText-103 (raw,
# validation) and the small model, rows joined by nothing give 30.59 per token. Rows joined by an empty line give 31.04, and the same joining
# gives 29.94 on the test split. Another script, whose text is not described, gives 21.29. The paper has 37.50 per word. Each joining is a protocol here. The reasons for the
# differences follow from one change after the other, below on a few stories in WikiText's layout:

# %%
from gpt_toolkit.evaluation.explain_perplexity import explain
from gpt_toolkit.evaluation.items import split_articles, split_lines
from gpt_toolkit.evaluation.protocol import EvaluationContext
from gpt_toolkit.evaluation.registry import BENCHMARKS

lines = []
for index in range(8):
    lines += [" \n", f" = Story {index + 1} = \n", " \n"]
    lines += [f" {paragraph} \n" for paragraph in story(1, "test", index).split("\n\n")]
articles = split_articles(split_lines("".join(lines)))
benchmark = BENCHMARKS["wikitext103_raw"]
protocols = [benchmark.protocol(name) for name in ("hf-strided", "hf-lines", "hf-rows", "lm-eval")]
context = EvaluationContext(model.tokenizer, model.decoder.config.n_ctx)
for each in explain(scorer, benchmark.name, protocols, articles, context):
    print(f"{each.protocol}: {each.perplexity:.2f} per {each.unit[:-1]}")
    for change in each.changes:
        print(f"    {change.what}: {change.before} -> {change.after}, x {change.factor:.3f}")

# %% [markdown]
# Factors multiply to the quotient of two perplexities. `gpt-toolkit zero-shot gpt2 --benchmarks wikitext103_raw --explain` prints the same for a
# file of yours. With a [custom benchmark](../guides/own_benchmark.md) of the kind `perplexity`, it does so for any text.
#
# ## How to compare
#
# 1. Use the same text, byte for byte: raw or with `<unk>`, de-tokenized or not.
# 2. Use the same units. Bits per byte is best, because every model can report it.
# 3. Use the same context: window, stride, and what precedes the first token.
# 4. Do not compare across texts: an easy text has a low perplexity with any model.
#
# Next: [what heads attend to](heads.md).
