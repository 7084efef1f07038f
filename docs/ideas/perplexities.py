# ---
# needs: [start/quickstart]
# ---
# %% [markdown]
# # How do perplexities of different papers compare?
#
# GPT-1 reports 18.4, GPT-2 29.41 and 37.50, others bits per byte. Mostly they do not compare. A perplexity is the exponential of a loss,
# and a loss is a sum of log-probabilities over a *number of units*; the papers divide by different units of different texts:
#
# $$\text{perplexity} = \exp\left(\frac{-\log P(\text{text})}{\text{units}}\right)$$
#
# The sum does not depend on the unit. The quotient does, and the exponential makes much of it. GPT-2 §3.1 divides by the units of the data
# set, its words, so that models with different vocabularies compare.
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
# All three are right. The larger the unit, the larger the number: a word is rarely one token.
#
# ## The window
#
# The first tokens of a window have little before them. Moving the window by less than its length gives each token more context, and costs
# more passes. Papers that do not state the stride leave this open:

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
# The paper's 29.41 for the small model on WikiText-2 is what one gets per *token* of the raw text; its 37.50 on WikiText-103 is what one gets
# per *word* of the same text. Measured by others with the released weights:
#
# | text and rule | perplexity |
# |---|---|
# | WikiText-2 raw, per token, windows side by side | 29.94 |
# | the same documents, per word, de-tokenized (lm-eval) | 37.37 |
# | the same, bits per byte | 0.977 |
# | PTB, per token and per word | 52.53 and 79.65 |
# | the paper: WikiText-2, WikiText-103, PTB | 29.41, 37.50, 65.85 |
#
# `gpt-toolkit zero-shot gpt2 --benchmarks wikitext2_raw --explain` prints where two protocols part, one difference at a time.
#
# ## How to compare
#
# 1. The same text, to the byte: raw or with `<unk>`, de-tokenized or not.
# 2. The same units; best bits per byte, which every model can give.
# 3. The same context: window, stride, what stands before the first token.
# 4. Never across texts: an easy text has a low perplexity with any model.
#
# Next: [what heads attend to](heads.md).
