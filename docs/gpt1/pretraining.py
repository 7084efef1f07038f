# ---
# needs: [start/quickstart]
# ---
# %% [markdown]
# # What does pre-training minimize?
#
# *GPT-1 §3.1, equations 1 and 2.* Of a corpus of tokens $u_1, \ldots, u_n$ the network predicts each from the $k$ before it,
#
# $$L_1(U) = \sum_i \log P(u_i \mid u_{i-k}, \ldots, u_{i-1}; \Theta) \qquad (1)$$
#
# with the probability from a stack of blocks over token and position embeddings, and the token embeddings once more as output layer:
#
# $$h_0 = U W_e + W_p, \qquad h_l = \text{block}(h_{l-1}), \qquad P(u) = \text{softmax}(h_n W_e^{T}) \qquad (2)$$
#
# Our step is these lines of [`PretrainTask`][gpt_toolkit.tasks.pretrain.PretrainTask]. Hidden states come from the
# [`Decoder`][gpt_toolkit.backbone.decoder.Decoder]; the softmax is inside the loss.

# %% tags=["hide"]
import inspect
import textwrap

from IPython.display import Markdown

import gpt_toolkit as gt

Markdown(f"```python\n{textwrap.dedent(inspect.getsource(gt.PretrainTask.training_step))}```")

# %% [markdown]
# The sum is divided by the number of targets of the *whole* step, over micro-batches and devices, so a step is the same however it is
# divided.
#
# ## The loss before any training
#
# An untrained network should find all $V$ tokens about equally likely: a loss near $\ln V$. Here with two blocks of each paper's width.

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
# It is a little more, for the logits are not exactly 0: their variance is about $d \cdot 0.02^2 = 0.31$, which adds half of that to the
# loss. (GPT-1's rest comes from its tied matrix: the state still resembles its own token's embedding.)
#
# ## Never all logits
#
# For 8 sequences of 512 tokens and GPT-1's vocabulary the logits alone are 8 · 512 · 40,478 numbers, 632 MiB in fp32, and their gradient as
# many. [`linear_cross_entropy`][gpt_toolkit.losses.linear_cross_entropy] makes them a chunk at a time and keeps only the gradients of hidden
# states and weights. It is the same loss and the same gradient:

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
# ## A minute of pre-training
#
# A decoder of two blocks reads Storyworld. The DataModule makes token shards once and keeps them in the cache folder.

# %%
import logging

from lightning.pytorch import Trainer

from gpt_toolkit.optim import Linear, Muon

logging.disable(logging.INFO)  # what Lightning and we say while setting up
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
# The same loss in three units: `val_loss` in nats per token, its exponential, and bits per byte of text, the only one of the three that
# does not depend on the vocabulary.
#
# ## Which tokens are hard?
#
# The quickstart's model, which has read 25 times as much, reads a story that was held out. The darker a token, the less the model
# expected it.

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
    f"The mean is {sum(nll) / len(nll):.2f} nats. {certain} of the {len(nll)} tokens cost less than 0.1, for the world's people say many things in "
    f"the same words; the dearest are {worst}: names and things, which nothing before them gives away."
)

# %% [markdown]
# ## The paper's number, and what differs
#
# GPT-1 reports a perplexity of 18.4 per token on BooksCorpus, without saying on which split. The numbers above are of another, far easier
# text and another vocabulary: they show that the code does what the equations say, not how good a model is. What differs otherwise:
#
# - $k$, the context of equation 1, is the window: a token at the window's start has fewer tokens before it. (The paper trains so, too.)
# - The decoder above is GPT-2's form, with the norm before each sublayer; `gt.DecoderConfig.from_preset("gpt1")` is the paper's. See
#   [The model of GPT-2](../gpt2/model.md) for what the difference does.
# - We divide by the tokens of the step. So did the paper's equation, up to a constant.
#
# At full size: `gpt-toolkit fit --config gpt1/pretrain --data.files books/`.
#
# Next: [how a task becomes one sequence](input_transformations.md).
