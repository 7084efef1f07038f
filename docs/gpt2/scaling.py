# %% [markdown]
# # Does the loss follow a power law here?
#
# *GPT-2 Figures 1 and 4; Kaplan et al. 2020.* In GPT-2's Figure 4, training and test perplexity fall together as the model grows. A year
# later the same lab fitted a *scaling law* to such curves,
#
# $$L(N) = \left(\frac{N_c}{N}\right)^{\alpha_N}, \qquad \alpha_N = 0.076$$
#
# where $N$ is the number of parameters without embeddings, and data and training are not the limit. Chinchilla adds an irreducible loss:
# $L(N) = E + A / N^{\alpha}$.
#
# We train a series of small decoders on the same text. We fit both forms to all sizes but the largest, and predict its loss.

# %%
import logging

from lightning.pytorch import Trainer, seed_everything

import gpt_toolkit as gt
from gpt_toolkit.analysis.scaling_law import Point
from gpt_toolkit.optim import Linear, Muon

logging.disable(logging.INFO)  # hide set-up messages
STEPS = 250
data = gt.CorpusDataModule(
    dataset="storyworld:1", limit_documents=4000, tokenizer="storyworld", n_ctx=128, batch_size=8
)


def loss_of(n_layer: int, n_embd: int, seed: int) -> float:
    """Train a small decoder; return its validation loss in nats per token."""
    seed_everything(seed, verbose=False)
    task = gt.PretrainTask(
        {"n_layer": n_layer, "n_head": max(n_embd // 16, 1), "n_embd": n_embd},
        optimizer=Muon(lr=0.01, adamw_lr=0.01), schedule=Linear(warmup_steps=0.02),
    )  # fmt: skip
    trainer = Trainer(
        max_steps=STEPS, accelerator="cpu", gradient_clip_val=1.0, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, limit_val_batches=0,
    )  # fmt: skip
    trainer.fit(task, data)
    trainer = Trainer(
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        limit_val_batches=40,
    )
    return float(trainer.validate(task, data, verbose=False)[0]["val_loss"])


n_tokens = STEPS * 8 * 128
points = []
for n_layer, n_embd in [(1, 16), (2, 16), (2, 32), (3, 48), (4, 64), (4, 96)]:
    n = 12 * n_layer * n_embd**2
    losses = [loss_of(n_layer, n_embd, seed) for seed in range(2)]
    points += [Point(f"{n_layer} x {n_embd}", n, n_tokens, 6 * n * n_tokens, loss) for loss in losses]
    print(f"{n_layer} layers of {n_embd:2}: N = {n:9,}, loss {losses[0]:.3f} {losses[1]:.3f}")

# %% [markdown]
# ## Fit, and predict the largest
#
# `hold_out_largest` fits a form to the five smaller sizes and predicts the sixth. Errors are measured in the logarithm of the loss, in which
# a power law is a straight line. The intervals come from a parametric bootstrap: the form is fitted again to many simulated sets of losses
# with the measured scatter.

# %%
from gpt_toolkit.analysis.scaling_law import fit_law, hold_out_largest

held_out = {law: hold_out_largest(points, law) for law in ("kaplan", "chinchilla")}
for each in held_out.values():
    print(each.law.formula())
    for name, (value, low, high) in each.law.constants().items():
        print(f"  {name:8} {value:.3g} [{low:.3g}, {high:.3g}]")
    value, low, high = each.predicted
    print(f"  largest size: predicted {value:.3f} [{low:.3f}, {high:.3f}], measured {each.measured:.3f}")

# %% alt="Validation loss over parameters without embeddings on logarithmic axes: six sizes; a straight line and a curve with an irreducible loss, each through all sizes and through the first five." tags=["fold"]
import matplotlib.pyplot as plt

from gpt_toolkit.analysis.scaling_report import draw

figure, panels = plt.subplots(1, 2, figsize=(10, 3.6), sharey=True, layout="constrained")
for axes, (law, each) in zip(panels, held_out.items(), strict=True):
    draw(axes, points, fit_law(points, law), each)
panels[1].set(ylabel="")
plt.show()

# %% tags=["hide"]
from IPython.display import Markdown

closer = min(held_out, key=lambda law: abs(held_out[law].error))
exponent = held_out["kaplan"].law.constants()["alpha_N"].value
Markdown(
    f"The power law misses the largest size by {held_out['kaplan'].error:+.3f} nats, the form with an irreducible loss by "
    f"{held_out['chinchilla'].error:+.3f}; here the {'power law' if closer == 'kaplan' else 'form with an irreducible loss'} is closer. The exponent, "
    f"{exponent:.3f}, is not Kaplan's 0.076: these models are trained for {STEPS} steps, far from convergence, on a text with few rules, and the "
    "smallest of them have most of their parameters in embeddings, which N does not count."
)

# %% [markdown]
# ## The papers' numbers
#
# | size of GPT-2 | N without embeddings | Kaplan's L(N) | measured on OpenWebText by nanoGPT |
# |---|---|---|---|
# | small | 84.9M | 2.865 | 3.12 |
# | medium | 302M | 2.602 | 2.84 |
# | large | 708M | 2.439 | 2.67 |
# | xl | 1,475M | 2.307 | 2.54 |
#
# The two columns use different test texts, so only their slopes can be compared. GPT-2's own Figure 4 has no printed numbers.
#
# ## A larger series
#
# The shipped configs `storyworld/scaling_nano`, `_micro`, `_mini` and `_midi` are larger models. Each makes one pass over its text. The last
# one takes hours on a CPU and minutes on a GPU. One command fits a law to finished runs and predicts the largest:
#
# ```bash
# gpt-toolkit scaling runs/scaling_* --over compute --figure scaling.png
# ```
#
# Next: [the ideas](../ideas/attention.md).
