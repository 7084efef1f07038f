# ---
# needs: [start/quickstart]
# ---
# %% [markdown]
# # What do the heads attend to?
#
# Each head gives every position a division of its attention over the positions before it. We read these weights out of the
# [quickstart's model](../start/quickstart.md), two layers of two heads, draw them for one story, and then ask a question that has an
# answer in numbers: which heads look for what stood *after the last occurrence* of the present word?

# %%
import torch

import gpt_toolkit as gt
from gpt_toolkit.storyworld import story

model = gt.load("runs/quickstart/model", device="cpu")
decoder, vocabulary = model.decoder, model.tokenizer


@torch.no_grad()
def attention(ids: torch.Tensor) -> torch.Tensor:
    """Attention probabilities of every head, (layer, H, T, T), from the projections that the blocks compute."""
    caught = []
    hooks = [
        block.attn.c_attn.register_forward_hook(lambda *found: caught.append(found[2])) for block in decoder.h
    ]
    decoder(ids[None])
    for hook in hooks:
        hook.remove()
    maps = []
    for projected in caught:
        query, key, _ = projected[0].view(len(ids), 3, decoder.config.n_head, -1).permute(1, 2, 0, 3)
        scores = query @ key.transpose(1, 2) / decoder.config.head_width**0.5
        future = torch.ones(len(ids), len(ids), dtype=torch.bool).triu(1)
        maps.append(scores.masked_fill(future, -torch.inf).softmax(dim=-1))
    return torch.stack(maps)


tokens = [vocabulary.end_of_text, *vocabulary.encode(story(1, "validation", 3))][:48]
maps = attention(torch.tensor(tokens))
print(maps.shape, "each row sums to", maps.sum(-1).unique().tolist()[:1])

# %% alt="Four triangles of attention weights, a row for each layer." tags=["fold"]
import matplotlib.pyplot as plt

figure, grid = plt.subplots(2, 2, figsize=(6, 6))
for layer, row in enumerate(grid):
    for head, axes in enumerate(row):
        axes.imshow(maps[layer, head], cmap="viridis", vmin=0, vmax=0.6)
        axes.set(xticks=[], yticks=[], title=f"layer {layer + 1}, head {head + 1}")
        axes.grid(visible=False)
plt.show()

# %% [markdown]
# A row is a position that reads, a column one that is read; above the diagonal there is nothing, for no position sees its future.
#
# ## Three habits in numbers
#
# Averages over 20 held-out stories: how much of its attention a head gives to the token before, to the very first token (where heads look
# that have nothing to say), and, at words that have occurred before, to the token that followed them then. The last is an
# *induction head*: it makes the model repeat what it has read, which is what a context is good for.

# %%
habits = torch.zeros(3, decoder.config.n_layer, decoder.config.n_head)
repeats = 0
for index in range(20):
    ids = torch.tensor([vocabulary.end_of_text, *vocabulary.encode(story(1, "validation", index))][:128])
    maps = attention(ids)
    habits[0] += maps.diagonal(-1, 2, 3)[..., 1:].mean(-1) / 20
    habits[1] += maps[..., 2:, 0].mean(-1) / 20
    for place in range(2, len(ids)):
        earlier = (ids[:place] == ids[place]).nonzero()[:, 0]
        if len(earlier) and earlier[-1] + 1 < place:
            habits[2] += maps[:, :, place, earlier[-1] + 1]
            repeats += 1
habits[2] /= repeats
even = float(sum(1 / (place + 1) for place in range(2, 128)) / 126)

# %% alt="Three panels of bars, one for each habit, a bar for each head of both layers." tags=["fold"]
figure, row = plt.subplots(ncols=3, figsize=(9, 3), sharey=True)
titles = ("the token before", "the first token", "after the last occurrence")
for axes, title, shares in zip(row, titles, habits, strict=True):
    for layer in range(len(shares)):
        places = [layer + 0.3 * (head - 0.5) for head in range(len(shares[layer]))]
        axes.bar(places, shares[layer].tolist(), width=0.27, color=f"C{layer}")
    axes.set(title=title, xlabel="layer", xticks=range(len(shares)), xticklabels=range(1, len(shares) + 1))
row[0].set(ylabel="share of attention")
plt.show()

# %% tags=["hide"]
from IPython.display import Markdown


def strongest(habit: int) -> str:
    place = int(habits[habit].argmax())
    layer, head = divmod(place, decoder.config.n_head)
    return f"head {head + 1} of layer {layer + 1} ({habits[habit].max():.0%} of its attention)"


Markdown(
    f"Most of all, {strongest(0)} looks at the token before, {strongest(1)} at the first token and {strongest(2)} at what followed the last time "
    f"({repeats:,} repeated tokens were looked at). Attention spread evenly would give each about {even:.0%}."
    + (" No head here lives for one habit: the model is small, and young." if habits.max() < 0.3 else "")
)

# %% [markdown]
# ## What this does not say
#
# A weight says where a head reads, not what it does with it: the values that it moves, and all that later layers make of them, are not in
# these pictures. Taking the head out and measuring the loss says more. The papers show no attention maps.
#
# Next: [your own data](../guides/own_data.md).
