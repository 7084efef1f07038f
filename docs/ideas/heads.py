# ---
# needs: [start/quickstart]
# ---
# %% [markdown]
# # What do the heads attend to?
#
# At every position, an attention head distributes weights that sum to 1 over this and all earlier positions. We read these weights from the
# [quickstart's model](../start/quickstart.md), which has two layers of two heads. We draw them for one story of Storyworld, the toolkit's
# [built-in synthetic world](../glossary.md#storyworld). Then we ask a question with a numerical answer: when a person is named again, does a
# head attend to the earlier places of that *name*?

# %%
import torch

import gpt_toolkit as gt
from gpt_toolkit.storyworld import story

model = gt.load("runs/quickstart/model", device="cpu")
decoder, vocabulary = model.decoder, model.tokenizer


def attention(ids: list[int]) -> torch.Tensor:
    """Attention probabilities of every head, (layer, H, T, T)."""
    trace = model.trace(ids)
    return torch.stack([trace[f"h.{layer}.attn.pattern"] for layer in range(decoder.config.n_layer)])


tokens = [vocabulary.end_of_text, *vocabulary.encode(story(1, "validation", 3))][:48]
maps = attention(tokens)
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
# A row is the position that attends, a column the position that is attended to. Weights above the diagonal are zero because of the causal
# mask.
#
# ## Three patterns in numbers
#
# We average three quantities over 20 held-out stories:
#
# - Attention to the previous token (a *previous-token head*).
# - Attention to the first token. Heads without anything to attend to put their weight there; it is called an *attention sink*.
# - Before a name that has occurred already: attention to the earlier places of this name. Such a head lets the story continue with the same
#   people.
#
# The third pattern is related to the *induction head* (Olsson et al. 2022). After a sequence `A B … A`, an induction head attends to the
# earlier `B` and raises its probability. Our measure does not require that the preceding token `A` repeats.

# %%
from gpt_toolkit.storyworld.lexicon import FEMALE_NAMES, MALE_NAMES

names = {vocabulary.encode(f" {name}")[0] for name in (*FEMALE_NAMES, *MALE_NAMES)}
habits = torch.zeros(3, decoder.config.n_layer, decoder.config.n_head)
repeats, even = 0, 0.0
for index in range(20):
    tokens = [vocabulary.end_of_text, *vocabulary.encode(story(1, "validation", index))][:200]
    maps, ids = attention(tokens), torch.tensor(tokens)
    habits[0] += maps.diagonal(-1, 2, 3)[..., 1:].mean(-1) / 20
    habits[1] += maps[..., 2:, 0].mean(-1) / 20
    for place in range(2, len(ids) - 1):
        earlier = (ids[: place + 1] == ids[place + 1]).nonzero()[:, 0]
        if int(ids[place + 1]) in names and len(earlier):
            habits[2] += maps[:, :, place, earlier].sum(-1)
            even += len(earlier) / (place + 1)
            repeats += 1
habits[2] /= repeats

# %% alt="Three panels of bars, one for each pattern, with a bar for each head of both layers." tags=["fold"]
figure, row = plt.subplots(ncols=3, figsize=(9, 3), sharey=True)
titles = ("the token before", "the first token", "the name that comes next")
for axes, title, shares in zip(row, titles, habits, strict=True):
    for layer in range(len(shares)):
        places = [layer + 0.3 * (head - 0.5) for head in range(len(shares[layer]))]
        axes.bar(places, shares[layer].tolist(), width=0.27, color=f"C{layer}")
    axes.set(title=title, xlabel="layer", xticks=range(len(shares)), xticklabels=range(1, len(shares) + 1))
row[0].set(ylabel="fraction of attention")
plt.show()

# %% tags=["hide"]
from IPython.display import Markdown


def strongest(habit: int) -> str:
    place = int(habits[habit].argmax())
    layer, head = divmod(place, decoder.config.n_head)
    return f"head {head + 1} of layer {layer + 1} ({habits[habit].max():.0%} of its attention)"


Markdown(
    f"The strongest heads: {strongest(0)} attends to the previous token, {strongest(1)} to the first token, and {strongest(2)} to the earlier places of the next "
    f"name ({repeats:,} such names; uniform attention would give these places {even / repeats:.0%}). "
    + (
        "That head finds the person who is named next."
        if habits[2].max() > 0.5
        else "No head of this model specializes in names."
    )
)

# %% [markdown]
# ## Ablate a head
#
# An attention weight shows where a head reads, not what effect it has. So we set the output of one head to zero (*ablation*) and measure the
# loss in nats per token, separately for repeated names and for all other tokens.

# %%
from functools import partial


def without_head(head: int, outputs: torch.Tensor) -> torch.Tensor:
    """Return the outputs of a layer's heads, (H, T, D), with zeros for one head."""
    outputs[head] = 0
    return outputs


def losses(replace=None) -> tuple[float, float]:
    """Nats per token at names that the story has named before, and elsewhere."""
    found: dict[bool, list[float]] = {True: [], False: []}
    for index in range(20, 60):
        ids = [vocabulary.end_of_text, *vocabulary.encode(story(1, "validation", index))][:200]
        log_p = model.trace(ids, replace=replace)["logits"].log_softmax(-1)
        for place in range(1, len(ids)):
            is_repeated = ids[place] in names and ids[place] in ids[:place]
            found[is_repeated].append(-log_p[place - 1, ids[place]].item())
    return sum(found[True]) / len(found[True]), sum(found[False]) / len(found[False])


whole = losses()
print(f"{'all heads':30} repeated names {whole[0]:5.2f}, other tokens {whole[1]:.2f}")
harm: dict[str, tuple[float, float]] = {}
for layer in range(decoder.config.n_layer):
    for head in range(decoder.config.n_head):
        without = losses({f"h.{layer}.attn.heads": partial(without_head, head)})
        name = f"head {head + 1} of layer {layer + 1}"
        print(f"{f'without {name}':30} repeated names {without[0]:5.2f}, other tokens {without[1]:.2f}")
        harm[name] = without[0] - whole[0], without[1] - whole[1]

# %% tags=["hide"]
worst = max(harm, key=lambda name: harm[name][0])
Markdown(
    f"Repeated names depend most on {worst}: without it their loss changes by {harm[worst][0]:+.2f} nats, that of other tokens by {harm[worst][1]:+.2f}"
    + (
        ". It is the head that attends to the names."
        if worst in strongest(2)
        else ", although another head attends to the names."
    )
)

# %% [markdown]
# The papers show no attention maps and ablate no heads.
#
# Next: [who has the thing?](who_has_it.md)
