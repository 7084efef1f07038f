# %% [markdown]
# # What exactly was trained?
#
# *GPT-1 §4.1.* The paper's set-up in one place: text, vocabulary, network, optimization. Each number below is computed by our code; the
# tables give the paper's, or the released code's, beside it.
#
# ## Text
#
# BooksCorpus was mended with *ftfy*, its punctuation and whitespace standardized, and split into words with spaCy.
# [`clean`][gpt_toolkit.tokenizers.gpt1_normalize.clean] does the first two as the released code does, and
# [`split_by_rules`][gpt_toolkit.tokenizers.gpt1_normalize.split_by_rules] the third where spaCy is not installed.

# %%
from gpt_toolkit.tokenizers.gpt1_normalize import clean, split_by_rules

text = "“Yes,” she said…\n  I don’t know—ask Dr. Moreau!!"
print(clean(text))
print(
    [piece for word in clean(text).split(" ") for piece in (split_by_rules(word) if word.strip() else [word])]
)

# %% [markdown]
# Everything is lower case. Full stops and apostrophes are left to the word splitter, which knows `Dr.` and `n't`.
#
# ## Vocabulary
#
# 40,000 merges within words, an end-of-word mark glued to each word's last character: 40,478 entries (1 unknown, 238 characters with and
# without the mark, the merges, a line break). The files are OpenAI's; with them in a folder `gt.load_tokenizer(FOLDER)` gives the released
# ids, which the tests compare with `transformers`. How merges are learned is shown with [GPT-2's vocabulary](../gpt2/input_representation.md).
#
# ## Network
#
# A preset is a frozen value; [`DecoderConfig`][gpt_toolkit.backbone.config.DecoderConfig] counts its parameters.

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
# 116,534,784 is what the released arrays hold; the paper gives no count. The output layer adds nothing, for its matrix *is* the token
# embeddings (eq. 2).
#
# | | paper or released code | our field |
# |---|---|---|
# | layers, width, heads | 12, 768, 12 | `n_layer`, `n_embd`, `n_head` |
# | layer norm | after each sum, ε = 10⁻⁵ | `norm="post"` |
# | activation | GELU; the code's is the tanh form | `block.py`, fixed |
# | dropout | 0.1 on embeddings, attention, residuals | `embd_pdrop`, `attn_pdrop`, `resid_pdrop` |
# | initial weights | N(0, 0.02), no scaling by depth | `residual_init="plain"`, `wpe_std=0.02` |
#
# ## Optimization
#
# Adam, at most 2.5·10⁻⁴, linearly up over 2,000 updates, then a cosine to 0; decay of 0.01 on matrices alone, not on biases and gains.
# [`Cosine`][gpt_toolkit.optim.schedules.Cosine] gives the multiplier of the learning rate, [`decay_groups`][gpt_toolkit.optim.decay_groups] the groups.

# %% alt="Pre-training: the rate rises to 2.5e-4 within 2,000 of 100,000 updates and falls to 0 like a cosine. Fine-tuning: it rises to 6.25e-5 within the first 0.2 percent and falls to 0 in a straight line." tags=["fold"]
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
# Released code decays everything of rank 2 and more, embeddings included: 50 tensors with 116,414,976 parameters, and 96 with 119,808
# that are left alone. The cell above counts the same.
#
# ## One update
#
# 64 sequences of 512 tokens are 32,768 tokens. Their cost follows from the shape, 6 N + 12 L d T operations a token:

# %%
tokens = 64 * config.n_ctx
print(
    f"{config.flops_per_token:,} operations a token, {tokens * config.flops_per_token / 1e12:.1f} TFLOP an update"
)
print(f"a million updates: {1_000_000 * tokens * config.flops_per_token / 8.64e19:.2f} petaflop/s-days")

# %% [markdown]
# A million is where the axis of the paper's Figure 2 ends. The text gives neither the number of updates (it says 100 epochs, of a corpus
# whose tokens it does not count) nor betas, ε and clipping of
# pre-training. Our [`gpt1/pretrain`](../reference/configs.md#gpt1pretrain) says at each number which of them is the paper's, the released
# code's or ours.
#
# ## Where we differ
#
# - The released code drops rows of the *whole* embedding matrix once an update, and the same dropped matrix serves as output; we drop the
#   sums that were looked up, as Hugging Face's port does.
# - Its Adam decays with the bias-corrected step; ours is `torch.optim.AdamW`, which multiplies by 1 − lr · decay first.
#
# Next: [the paper's results](results.md).
