# ---
# needs: [start/quickstart]
# ---
# %% [markdown]
# # What does pre-training optimize?
#
# *GPT-1 §3.1, equations 1 and 2.* Pre-training is language modeling: the network predicts each token from the tokens before it. For a
# corpus of tokens $u_1, \ldots, u_n$ and a context of $k$ tokens, it **maximizes** the log-likelihood
#
# $$L_1(U) = \sum_i \log P(u_i \mid u_{i-k}, \ldots, u_{i-1}; \Theta) \qquad (1)$$
#
# The probability comes from a stack of Transformer blocks over the sum of token and position embeddings. The output layer uses the token
# embeddings again (*weight tying*):
#
# $$h_0 = U W_e + W_p, \qquad h_l = \text{block}(h_{l-1}), \qquad P(u) = \text{softmax}(h_n W_e^{T}) \qquad (2)$$
#
# Optimizers minimize, so the code minimizes $-L_1$ divided by the number of tokens: the mean cross-entropy, in nats per token. The inputs
# are always the true tokens of the corpus, never the model's own predictions (*teacher forcing*).
#
# These lines of [`PretrainTask`][gpt_toolkit.tasks.pretrain.PretrainTask] are our training step. The
# [`Decoder`][gpt_toolkit.backbone.decoder.Decoder] returns hidden states. The softmax is computed inside the loss.

# %% tags=["hide"]
import inspect
import textwrap

from IPython.display import Markdown

import gpt_toolkit as gt

Markdown(f"```python\n{textwrap.dedent(inspect.getsource(gt.PretrainTask.training_step))}```")

# %% [markdown]
# The sum is divided by the number of targets in the *whole* step, over all micro-batches and devices. The loss and its gradient therefore
# do not depend on how a step is split.
#
# ## The loss before training
#
# An untrained network should give all $V$ tokens about the same probability, so its loss should be close to $\ln V$. We check this with
# two blocks of each paper's width.

# %%
import math

import torch

from gpt_toolkit.losses import linear_cross_entropy

torch.manual_seed(0)
for preset, vocab_size in (("gpt1", 40_478), ("gpt2", 50_257)):
    decoder = gt.Decoder(gt.DecoderConfig.from_preset(preset, n_layer=2, n_ctx=64)).eval()
    ids = torch.randint(vocab_size, (2, 65))
    with torch.no_grad():
        loss = linear_cross_entropy(decoder(ids[:, :-1]), decoder.wte.weight, ids[:, 1:]) / 128
    print(f"{preset}: ln V = {math.log(vocab_size):.2f}, loss {loss:.2f}")

# %% [markdown]
# The losses are slightly above $\ln V$ because the logits are not exactly 0. Their variance is about $d \cdot 0.02^2 = 0.31$, and half of
# it is added to the loss. GPT-1 has a second cause, its tied matrix: a hidden state still resembles the embedding of its own token.
#
# ## A loss that never stores all logits
#
# Take 8 sequences of 512 tokens and GPT-1's vocabulary. The logits alone are 8 · 512 · 40,478 numbers, 632 MiB in fp32, and their gradient
# has the same size. [`linear_cross_entropy`][gpt_toolkit.losses.linear_cross_entropy] computes them in chunks and keeps only the gradients
# of the hidden states and of the weights. Loss and gradients are the same as those of the plain computation:

# %%
hidden = torch.randn(300, 64, requires_grad=True)
weight = torch.randn(4096, 64, requires_grad=True)
labels = torch.randint(4096, (300,))
ours = linear_cross_entropy(hidden, weight, labels)
plain = torch.nn.functional.cross_entropy(hidden @ weight.t(), labels, reduction="sum")
gradients = zip(
    torch.autograd.grad(ours, (hidden, weight)), torch.autograd.grad(plain, (hidden, weight)), strict=True
)
for name, (a, b) in zip(("hidden", "weight"), gradients, strict=True):
    print(f"gradient of {name}: largest difference {(a - b).abs().max():.1e} of {b.abs().max():.2f}")
print(f"loss: {ours.item():.3f} and {plain.item():.3f}")

# %% [markdown]
# ## One minute of pre-training
#
# A decoder of two blocks is trained on Storyworld, the toolkit's [built-in synthetic world](../glossary.md#storyworld). The DataModule
# tokenizes the text once and stores the token shards in the cache folder.

# %%
import logging

from lightning.pytorch import Trainer

from gpt_toolkit.optim import Linear, Muon

logging.disable(logging.INFO)  # hide set-up messages
STEPS = 200
data = gt.CorpusDataModule(
    dataset="storyworld:1", limit_documents=2000, tokenizer="storyworld", n_ctx=128, batch_size=8
)
task = gt.PretrainTask("gpt-nano", optimizer=Muon(lr=0.01, adamw_lr=0.01), schedule=Linear(warmup_steps=0.02))
trainer = Trainer(
    max_steps=STEPS, accelerator="cpu", gradient_clip_val=1.0, logger=False, enable_checkpointing=False,
    enable_progress_bar=False, enable_model_summary=False, limit_val_batches=20,
)  # fmt: skip
trainer.fit(task, data)
[scores] = trainer.validate(task, data, verbose=False)
for name, value in scores.items():
    print(f"{name:20} {float(value):.3f}")

# %% [markdown]
# These are three units of the same loss: `val_loss` in nats per token, its exponential (*perplexity*), and *bits per byte* of text. Only
# bits per byte does not depend on the vocabulary.
#
# ## Which tokens are hard to predict?
#
# The quickstart's model was trained on 25 times as much text. Here it reads a held-out story. The darker a token, the lower the
# probability that the model gave it.

# %% tags=["fold"]
from html import escape

from gpt_toolkit.losses import token_losses
from gpt_toolkit.storyworld import story

model = gt.load("runs/quickstart/model", device="cpu")
vocabulary = model.tokenizer
tokens = [vocabulary.end_of_text, *vocabulary.encode(story(1, "validation", 3))][:160]
ids = torch.tensor([tokens])
with torch.no_grad():
    nll = token_losses(model.decoder(ids[:, :-1]), model.decoder.wte.weight, ids[:, 1:])[0].tolist()
spans = [
    f'<span style="background: rgba(209, 112, 29, {min(loss / 12, 0.45):.2f})" title="{loss:.2f} nats">{escape(vocabulary.decode([token]))}</span>'
    for token, loss in zip(tokens[1:], nll, strict=True)
]
Markdown(f"<p>{''.join(spans)}</p>")

# %% tags=["hide"]
order = sorted(range(len(nll)), key=lambda i: -nll[i])
worst = ", ".join(f"`{vocabulary.decode([tokens[i + 1]]).strip()}` ({nll[i]:.1f})" for i in order[:5])
certain = sum(loss < 0.1 for loss in nll)
Markdown(
    f"The mean is {sum(nll) / len(nll):.2f} nats. {certain} of the {len(nll)} tokens have a loss below 0.1, because "
    f"Storyworld's texts repeat the same wording. The hardest tokens are {worst}: names and things that the text before does not determine."
)

# %% [markdown]
# ## The paper's number, and differences
#
# GPT-1 reports a perplexity of 18.4 per token on BooksCorpus and does not say on which split. The numbers above are for a much easier text
# and a different vocabulary. They show that the code computes what the equations say, not how good the model is. Other differences:
#
# - The context $k$ of equation 1 is the window. A token near the start of a window has fewer tokens before it, as in the paper's training.
# - The decoder above is GPT-2's: pre-norm, with a layer norm before each sublayer. `gt.DecoderConfig.from_preset("gpt1")` is the paper's
#   post-norm decoder. [The model of GPT-2](../gpt2/model.md) shows what the difference does.
# - We divide by the number of tokens in the step. Equation 1 is a plain sum, which differs by a constant factor.
#
# At full size: `gpt-toolkit fit --config gpt1/pretrain --data.files books/`.
#
# Exercises on this page, solutions behind a fold: [`gpt1-3.1`](../guides/exercises.md#gpt1-3.1),
# [`gpt1-3.1b`](../guides/exercises.md#gpt1-3.1b), [`gpt1-3.1c`](../guides/exercises.md#gpt1-3.1c),
# [`gpt1-3.1d`](../guides/exercises.md#gpt1-3.1d).
#
# Next: [how a task becomes one sequence](input_transformations.md).
