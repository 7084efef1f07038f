# %% [markdown]
# # The whole model on one page
#
# This page builds GPT-1 and GPT-2 from token ids to generated text in plain PyTorch, one part at a time. Each part has a sentence on what it
# does, its formula, a few lines of code, and the toolkit's own source behind a fold. A check compares both, so the code on this page *is* the
# model.
#
# The shapes use these letters: $B$ sequences in a batch, $T$ positions, $D$ width of the hidden states, $H$ heads of width $d_k = D / H$,
# $V$ entries of the vocabulary.

# %% tags=["hide"]
import inspect
import textwrap
from collections.abc import Callable
from pathlib import Path

from IPython.display import Markdown


def folded(*parts: Callable[..., object]) -> Markdown:
    """Return the source of classes and functions, folded, with the name of their file."""
    path = Path(inspect.getfile(inspect.unwrap(parts[0]))).as_posix()
    code = "\n\n".join(textwrap.dedent(inspect.getsource(part)).rstrip() for part in parts)
    block = textwrap.indent(f"```python\n{code}\n```", "    ")
    return Markdown(
        f'??? code "The toolkit\'s code: gpt_toolkit/{path.partition("/gpt_toolkit/")[2]}"\n\n{block}'
    )


# %%
import math

import torch
from torch import Tensor
from torch.nn import functional as F

import gpt_toolkit as gt

torch.manual_seed(0)
config = gt.DecoderConfig.from_preset(
    "gpt-nano", vocab_size=gt.load_tokenizer("storyworld").vocab_size, n_ctx=128
)
decoder = gt.Decoder(config).eval()
ids = torch.randint(config.vocab_size, (2, 16))  # (B, T)
print(
    f"{config.n_layer} blocks, D = {config.n_embd}, H = {config.n_head}, V = {config.vocab_size:,}: {config.n_params:,} parameters"
)

# %% [markdown]
# The functions below read the weights of `decoder`. Their names are OpenAI's: `wte` and `wpe` for the embeddings, `h` for the blocks, `c_attn`
# and `c_proj` for the projections of attention. Dropout is left out, because it does nothing in evaluation.
#
# ## Embeddings
#
# A token id selects a row of the matrix `wte`, a position selects a row of `wpe`, and the sum enters the network (GPT-1, eq. 2):
#
# $$h_0 = U W_e + W_p$$


# %%
def embed(model: gt.Decoder, ids: Tensor) -> Tensor:
    positions = torch.arange(ids.shape[1])
    return model.wte.weight[ids] + model.wpe.weight[positions]  # (B, T, D)


# %% [markdown]
# ## Attention
#
# Every position asks a *query*; every position offers a *key* and a *value*. A position receives the mean of the values before it and its
# own, weighted by how well its query matches their keys:
#
# $$\text{attention}(Q, K, V) = \text{softmax}\left(\frac{Q K^{T}}{\sqrt{d_k}} + \text{mask}\right) V$$
#
# The mask is $-\infty$ for later positions, so a position never sees the token that it has to predict. Several *heads* do this in parallel,
# each on its own slice of the width. A last projection mixes their results.


# %%
def attention(layer: torch.nn.Module, x: Tensor, n_head: int) -> Tensor:
    b, t, d = x.shape
    query, key, value = (  # three of (B, H, T, d_k)
        each.view(b, t, n_head, d // n_head).transpose(1, 2) for each in layer.c_attn(x).split(d, dim=2)
    )
    scores = query @ key.transpose(2, 3) / math.sqrt(d // n_head)  # (B, H, T, T)
    future = torch.ones(t, t, dtype=torch.bool).triu(1)
    weights = scores.masked_fill(future, -math.inf).softmax(dim=-1)  # each row sums to 1
    mixed = (weights @ value).transpose(1, 2).reshape(b, t, d)
    return layer.c_proj(mixed)


# %% tags=["hide"]
from gpt_toolkit.backbone.attention import CausalSelfAttention

folded(CausalSelfAttention)

# %% [markdown]
# The toolkit's class computes the same with fused kernels, which never store the $T \times T$ weights. It also handles the key-value cache
# and can return a few positions only.
#
# ## MLP
#
# Attention moves information between positions. The MLP then works on each position alone: a linear map to four times the width, the
# smooth activation GELU, and a linear map back.


# %%
def mlp(layer: torch.nn.Module, x: Tensor) -> Tensor:
    return layer.c_proj(F.gelu(layer.c_fc(x), approximate="tanh"))  # (B, T, D) -> (B, T, 4 D) -> (B, T, D)


# %% tags=["hide"]
from gpt_toolkit.backbone.block import MLP, Block

folded(MLP)

# %% [markdown]
# ## Block
#
# A block adds attention and then the MLP to the *residual stream* $x$. The papers differ only in the place of the layer norm: GPT-1
# normalizes each sum, GPT-2 normalizes what a sublayer reads.
#
# $$\text{GPT-1:} \; x \leftarrow \text{norm}(x + f(x)) \qquad \text{GPT-2:} \; x \leftarrow x + f(\text{norm}(x))$$


# %%
def block(layer: torch.nn.Module, x: Tensor, config: gt.DecoderConfig) -> Tensor:
    if config.norm == "post":  # GPT-1
        x = layer.ln_1(x + attention(layer.attn, x, config.n_head))
        return layer.ln_2(x + mlp(layer.mlp, x))
    x = x + attention(layer.attn, layer.ln_1(x), config.n_head)  # GPT-2
    return x + mlp(layer.mlp, layer.ln_2(x))


# %% tags=["hide"]
folded(Block)

# %% [markdown]
# ## Decoder
#
# The decoder is a stack of blocks. GPT-2 has one more layer norm at the end. The output layer uses the token embeddings again (*weight
# tying*): the logit of a token is the dot product of the hidden state with its embedding.


# %%
def logits_of(model: gt.Decoder, ids: Tensor) -> Tensor:
    x = embed(model, ids)
    for layer in model.h:
        x = block(layer, x, model.config)
    return model.ln_f(x) @ model.wte.weight.T  # (B, T, V); ln_f of GPT-1 returns its input


with torch.no_grad():
    for norm in ("post", "pre"):
        model = gt.Decoder(
            gt.DecoderConfig.from_preset("gpt-nano", vocab_size=1000, n_ctx=128, norm=norm)
        ).eval()
        tokens = torch.randint(1000, (2, 16))
        difference = (logits_of(model, tokens) - model.logits(model(tokens))).abs().max()
        print(f"{norm}-norm: largest difference from the toolkit {difference:.1e}")

# %% tags=["hide"]
folded(gt.Decoder)

# %% [markdown]
# ## Initial weights
#
# All matrices start as small random numbers, N(0, 0.02), biases at 0 and gains at 1. GPT-2 scales the matrices that write to the residual
# stream by $1 / \sqrt{2 L}$ for $L$ blocks. This keeps the stream from growing with depth. [GPT-2's model](../gpt2/model.md) measures this.

# %% tags=["hide"]
from gpt_toolkit.backbone.initialization import initialize

folded(initialize)

# %% [markdown]
# ## Loss
#
# The loss is the mean negative log-probability of the true next token (*cross-entropy*). Position $t$ predicts token $t + 1$, so inputs and
# targets are the same text, shifted by one:
#
# $$\text{loss} = -\frac{1}{T} \sum_t \log P(u_{t+1} \mid u_1, \ldots, u_t)$$


# %%
def loss_of(model: gt.Decoder, text: Tensor) -> Tensor:
    inputs, targets = text[:, :-1], text[:, 1:]
    return F.cross_entropy(logits_of(model, inputs).flatten(0, 1), targets.flatten())


print(
    f"untrained: {loss_of(decoder, ids).item():.2f} nats per token; ln V = {math.log(config.vocab_size):.2f}"
)

# %% [markdown]
# ## Training step
#
# A step computes the loss, its gradients, and an update of the weights. This loop is complete: 100 steps of AdamW on stories of Storyworld,
# the toolkit's [built-in synthetic world](../glossary.md#storyworld).

# %%
from itertools import islice

from gpt_toolkit.storyworld.documents import documents

tokenizer = gt.load_tokenizer("storyworld")
stories = islice(documents(1, mix={"story": 1}), 400)
stream = torch.tensor(
    [token for story in stories for token in (tokenizer.end_of_text, *tokenizer.encode(story))]
)
optimizer = torch.optim.AdamW(decoder.parameters(), lr=3e-3, weight_decay=0.1)
for step in range(101):
    starts = torch.randint(len(stream) - 65, (16,))
    batch = torch.stack([stream[start : start + 65] for start in starts])
    loss = loss_of(decoder, batch)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(decoder.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
    if step % 25 == 0:
        print(f"step {step:3}: loss {loss.item():.2f}")

# %% tags=["hide"]
folded(gt.PretrainTask.training_step)

# %% [markdown]
# The toolkit's step divides the loss by the targets of the whole step, over micro-batches and devices, and never stores all logits.
# [GPT-1's pre-training](../gpt1/pretraining.md) explains both.
#
# ## Generation
#
# To generate, the model reads the text so far, and one token is drawn from the probabilities of the next. *Temperature* divides the logits;
# *top-k* keeps the $k$ most probable tokens. At temperature 0 the most probable token is taken (*greedy decoding*).


# %%
@torch.no_grad()
def continue_text(
    model: gt.Decoder, text: list[int], n: int, temperature: float = 1.0, top_k: int = 40
) -> list[int]:
    text = list(text)
    for _ in range(n):
        logits = logits_of(model, torch.tensor([text[-model.config.n_ctx :]]))[0, -1]
        if temperature == 0:
            text.append(int(logits.argmax()))
            continue
        best, tokens = logits.topk(top_k)
        text.append(int(tokens[torch.multinomial((best / temperature).softmax(dim=-1), 1)]))
    return text


from gpt_toolkit.generation import generate

prompt = [tokenizer.end_of_text, *tokenizer.encode("It was a rainy")]
torch.manual_seed(0)
print(tokenizer.decode(continue_text(decoder, prompt, 40)[1:]))
greedy = continue_text(decoder, prompt, 20, temperature=0)
[theirs] = generate(decoder, [prompt], max_new_tokens=20, temperature=0.0)
print("greedy decoding gives the toolkit's tokens:", greedy[len(prompt) :] == theirs)

# %% tags=["hide"]
from gpt_toolkit.generation.decoding import generate_steps
from gpt_toolkit.generation.sampling import choose

folded(generate_steps)

# %% tags=["hide"]
folded(choose)

# %% [markdown]
# The toolkit stores keys and values of earlier positions in a *key-value cache*, so that each step computes one position. [Has GPT lost the
# advantage of attention?](../ideas/attention.md) measures the difference.
#
# After 100 steps the text has names and sentences, but no story. The [quickstart](quickstart.md) trains thirteen times as long.
#
# Write these parts yourself: [exercises](../guides/exercises.md) `gpt1-3.1b`, `gpt2-2.3` and others check your code.
#
# Next: [GPT-1's pre-training](../gpt1/pretraining.md).
