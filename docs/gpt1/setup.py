# %% [markdown]
# # What exactly was trained?
#
# *GPT-1 §4.1.* This page collects the paper's set-up: text, vocabulary, network and optimization. Our code computes each number below. The
# tables give the value of the paper or of the released code next to it.
#
# ## Text
#
# BooksCorpus was cleaned with *ftfy*, its punctuation and whitespace were standardized, and spaCy split it into words.
# [`clean`][gpt_toolkit.tokenizers.gpt1_normalize.clean] does the first two steps as the released code does. Where spaCy is not installed,
# [`split_by_rules`][gpt_toolkit.tokenizers.gpt1_normalize.split_by_rules] does the third.

# %%
from gpt_toolkit.tokenizers.gpt1_normalize import clean, split_by_rules

text = "“Yes,” she said…\n  I don’t know—ask Dr. Moreau!!"
print(clean(text))
print(
    [piece for word in clean(text).split(" ") for piece in (split_by_rules(word) if word.strip() else [word])]
)

# %% [markdown]
# The text becomes lower case. The word splitter handles full stops and apostrophes: it has rules for `Dr.` and `n't`.
#
# ## Vocabulary
#
# GPT-1 uses byte-pair encoding (BPE) within words: 40,000 merges, with an end-of-word symbol attached to the last character of each word.
# This gives 40,478 entries: 1 unknown token, 238 characters with and without the end-of-word symbol, the merges, and a line break. The
# files are OpenAI's. With them in a folder, `gt.load_tokenizer(FOLDER)` returns the released ids; the tests compare them with
# `transformers`. [GPT-2's vocabulary](../gpt2/input_representation.md) shows how merges are learned.
#
# ## Network
#
# A preset is a frozen value. [`DecoderConfig`][gpt_toolkit.backbone.config.DecoderConfig] counts its parameters.

# %%
import gpt_toolkit as gt

config = gt.DecoderConfig.from_preset("gpt1")
config

# %%
d = config.n_embd
parts = {
    "token embeddings": config.vocab_size * d,
    "position embeddings": config.n_ctx * d,
    f"{config.n_layer} blocks of 12 d² + 13 d": config.n_layer * (12 * d * d + 13 * d),
}
for name, count in parts.items():
    print(f"{name:30} {count:12,}")
print(f"{'together':30} {config.n_params:12,}")
assert sum(parts.values()) == config.n_params == 116_534_784

# %% [markdown]
# The released arrays hold 116,534,784 numbers; the paper gives no count. The output layer adds no parameters, because its matrix *is* the
# token embedding matrix (weight tying, eq. 2).
#
# | | paper or released code | our field |
# |---|---|---|
# | layers, width, heads | 12, 768, 12 | `n_layer`, `n_embd`, `n_head` |
# | layer norm | post-norm: after each sum, ε = 10⁻⁵ | `norm="post"` |
# | activation | GELU; the code uses the tanh form | fixed in `block.py` |
# | dropout | 0.1 on embeddings, attention, residuals | `embd_pdrop`, `attn_pdrop`, `resid_pdrop` |
# | initial weights | N(0, 0.02), no scaling with depth | `residual_init="plain"`, `wpe_std=0.02` |
#
# ## Optimization
#
# Adam with a maximum learning rate of 2.5·10⁻⁴: linear warm-up over 2,000 updates, then cosine decay to 0. Weight decay is 0.01 on
# matrices only, not on biases and gains. [`Cosine`][gpt_toolkit.optim.schedules.Cosine] gives the multiplier of the learning rate,
# [`decay_groups`][gpt_toolkit.optim.decay_groups] the parameter groups.

# %% alt="Pre-training: the learning rate rises to 2.5e-4 within 2,000 of 100,000 updates and falls to 0 like a cosine. Fine-tuning: it rises to 6.25e-5 within the first 0.2 percent and falls to 0 in a straight line." tags=["fold"]
import matplotlib.pyplot as plt

from gpt_toolkit.optim import Cosine, Linear

figure, (left, right) = plt.subplots(ncols=2, figsize=(8, 2.8))
pretraining, finetuning = Cosine(warmup_steps=2000), Linear(warmup_steps=0.002)
steps = range(0, 100_000, 200)
left.plot(steps, [2.5e-4 * pretraining(step, 100_000) for step in steps])
left.set(title="pre-training, of 100,000 updates", xlabel="update", ylabel="learning rate")
right.plot([6.25e-5 * finetuning(step, 2000) for step in range(2000)], color="C1")
right.set(title="fine-tuning, of 2,000 updates", xlabel="update")
plt.show()

# %%
import torch

from gpt_toolkit.optim import decay_groups

with torch.device("meta"):  # shapes without memory
    decoder = gt.Decoder(config)
for group in decay_groups(decoder.named_parameters(), weight_decay=0.01):
    tensors = group["params"]
    print(
        f"decay {group['weight_decay']}: {len(tensors):3} tensors, {sum(t.numel() for t in tensors):12,} parameters"
    )

# %% [markdown]
# The released code decays every tensor of rank 2 or more, embeddings included: 50 tensors with 116,414,976 parameters. The other 96
# tensors, with 119,808 parameters, are not decayed. The cell above counts the same.
#
# ## One update
#
# 64 sequences of 512 tokens are 32,768 tokens. Their cost follows from the shape of the network: 6 N + 12 L d T floating-point operations
# per token (PaLM, appendix B).

# %%
tokens = 64 * config.n_ctx
print(
    f"{config.flops_per_token:,} operations a token, {tokens * config.flops_per_token / 1e12:.1f} TFLOP an update"
)
print(f"a million updates: {1_000_000 * tokens * config.flops_per_token / 8.64e19:.2f} petaflop/s-days")

# %% [markdown]
# The axis of the paper's Figure 2 ends at one million updates. The text does not give the number of updates: it says 100 epochs, but not
# how many tokens an epoch has. For pre-training it does not state the betas, ε or gradient clipping either. Each number in our
# [`gpt1/pretrain`](../reference/configs.md#gpt1pretrain) names its source: the paper, the released code, or a choice of this toolkit.
#
# ## Differences from the released code
#
# - The released code drops entries of the *whole* embedding matrix once per update and uses the same dropped matrix as the output layer. We
#   apply dropout to the sums of looked-up embeddings, as Hugging Face's port does.
# - Its Adam adds the weight decay inside the bias-corrected step. Ours is `torch.optim.AdamW`, which first multiplies the weights by
#   1 − lr · decay.
#
# Exercises on this page, solutions behind a fold: [`gpt1-4.1`](../guides/exercises.md#gpt1-4.1),
# [`gpt1-4.1b`](../guides/exercises.md#gpt1-4.1b), [`gpt1-4.1c`](../guides/exercises.md#gpt1-4.1c).
#
# Next: [the paper's results](results.md).
