# %% [markdown]
# # Has GPT lost the advantage of attention?
#
# Attention (Bahdanau et al. 2014) lets a recurrent decoder read every position of its input directly. The Transformer (Vaswani et al. 2017)
# keeps attention alone. With *self-attention*, any two positions of a text are one step apart, and all positions are computed at once. GPT
# is a Transformer decoder: a causal mask hides the future, and text is generated one token after another. We measure which of both
# advantages remain.
#
# ## The cost of a layer
#
# | | operations for $T$ positions | sequential steps | longest path between two positions |
# |---|---|---|---|
# | self-attention | $T^2 d$ | 1 | 1 |
# | recurrent layer | $T d^2$ | $T$ | $T$ |
# | convolution of width $k$ | $k T d^2$ | 1 | $T / k$, or $\log_k T$ if dilated |
#
# The causal mask changes none of these in training. The whole sequence is known (*teacher forcing*), so every position is computed at once;
# the mask only sets some attention weights to zero. First we time the attention and the MLP of one block:

# %%
import time
from collections.abc import Callable

import torch

import gpt_toolkit as gt
from gpt_toolkit.backbone.block import Block


def seconds(work: Callable[[], object], repeats: int = 5) -> float:
    """Return the time of the fastest repeat, which other programs disturb least."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


torch.manual_seed(0)
config = gt.DecoderConfig(vocab_size=1000, n_ctx=4096, n_layer=1, n_head=4, n_embd=256)
block = Block(config, 0).eval()
lengths = [64, 128, 256, 512, 1024, 2048, 4096]
costs: dict[str, list[float]] = {"attention": [], "MLP": []}
with torch.inference_mode():
    for length in lengths:
        x = torch.randn(1, length, config.n_embd)
        costs["attention"].append(seconds(lambda x=x: block.attn(x)))
        costs["MLP"].append(seconds(lambda x=x: block.mlp(x)))

# %% alt="Microseconds per position over the length of the sequence. The MLP's stay level; those of attention grow once sequences are longer than about a thousand positions." tags=["fold"]
import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(7, 3))
for name, values in costs.items():
    axes.plot(
        lengths,
        [1e6 * value / length for value, length in zip(values, lengths, strict=True)],
        marker="o",
        label=name,
    )
axes.set(xscale="log", xlabel="positions", ylabel="µs per position", ylim=0)
axes.set_xticks(lengths, [f"{length:,}" for length in lengths])
axes.minorticks_off()
axes.legend()
plt.show()

# %% tags=["hide"]
from IPython.display import Markdown

shares = [a / (a + m) for a, m in zip(costs["attention"], costs["MLP"], strict=True)]
Markdown(
    f"The quadratic cost matters only for long sequences. In a block of width {config.n_embd}, attention takes {shares[lengths.index(128)]:.0%} of the time at 128 positions, "
    f"{shares[lengths.index(1024)]:.0%} at 1,024 and {shares[-1]:.0%} at 4,096. At GPT-2's width of 768 and context of 1,024 the products $T^2 d$ are a "
    "fifth of the block's operations. Attention's time includes its two projections, a third of the block's matrices."
)

# %% [markdown]
# ## Training in parallel, generating in sequence
#
# Processing 256 known tokens takes one forward pass. Generating 256 tokens takes 256 passes, since each depends on the token before. The
# *key-value cache* stores the keys and values of earlier positions, so that each pass computes only *one* position.

# %%
from gpt_toolkit.backbone import KeyValueCache

config = gt.DecoderConfig(vocab_size=4096, n_ctx=256, n_layer=4, n_head=4, n_embd=256)
decoder = gt.Decoder(config).eval()
ids = torch.randint(4096, (1, 256))


def in_parallel() -> None:
    decoder(ids)


def with_cache() -> None:
    cache = KeyValueCache(config, 1, dtype=torch.float32)
    for place in range(256):
        decoder(ids[:, place : place + 1], cache)


def without_cache() -> None:
    for place in range(0, 256, 16):  # only every 16th, to save time
        decoder(ids[:, : place + 1])


with torch.inference_mode():
    times = {
        "read at once": seconds(in_parallel, 3),
        "one by one, with the cache": seconds(with_cache, 2),
        "one by one, without": 16 * seconds(without_cache, 1),
    }
for name, value in times.items():
    print(f"{name:28} {1000 * value:8.1f} ms, {256 / value:8,.0f} tokens/s")

# %% tags=["hide"]
Markdown(
    f"Generating takes {times['one by one, with the cache'] / times['read at once']:.0f} times as long as reading, and without the cache "
    f"{times['one by one, without'] / times['read at once']:.0f} times. With the cache, the number of operations is about that of one pass, but the time is not. "
    "Each step multiplies every weight matrix with a single row, so each weight is read from memory for a single product."
)

# %% [markdown]
# The cache changes the work, not the result:

# %%
with torch.inference_mode():
    cache = KeyValueCache(config, 1, dtype=torch.float32)
    one_by_one = torch.cat([decoder(ids[:, t : t + 1], cache) for t in range(256)], dim=1)
    print(f"largest difference of hidden states: {(one_by_one - decoder(ids)).abs().max():.1e}")

# %% [markdown]
# ## Batches of texts
#
# Generating a single text is *memory-bandwidth bound*: every weight is read from memory once per token and used for a single product.
# In a batch, several texts share each read of the weights. The gain depends on the machine. It is far larger on GPUs, and for a model that
# does not fit the processor's caches, than it is here.

# %%
with torch.inference_mode():
    for batch_size in (1, 4, 16):
        rows = torch.randint(4096, (batch_size, 64))

        def together(rows: torch.Tensor = rows) -> None:
            cache = KeyValueCache(config, len(rows), dtype=torch.float32)
            for place in range(64):
                decoder(rows[:, place : place + 1], cache)

        print(f"{batch_size:3} texts: {64 * batch_size / seconds(together, 2):8,.0f} tokens/s")

# %% [markdown]
# ## Conclusion
#
# - In training nothing is lost: one pass, and one step between any two positions, with or without the mask.
# - In generation the path is still one step, but there is one pass per token, as in a recurrent network. Each pass needs all earlier keys and
#   values, so memory grows with the text. A recurrent state has a fixed size.
# - Generation also differs from training in its inputs: the model reads its own tokens instead of true ones. The resulting mismatch is
#   called *exposure bias*.
# - The mask hides the future: a position's state depends on earlier tokens only. GPT-1 therefore reads its answer at the *last* token, and
#   encodes similarity in both orders.
#
# Next: [the difference between pre-training and supervised learning](same_loss.md).
