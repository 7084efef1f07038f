# %% [markdown]
# # Does the loss follow a power law here?
#
# *GPT-2 Figures 1 and 4; Kaplan et al. 2020.* GPT-2's Figure 4 shows training and test perplexity falling together with size; a year later the
# same lab gave the curve a form,
#
# $$L(N) = \left(\frac{N_c}{N}\right)^{\alpha_N}, \qquad \alpha_N = 0.076$$
#
# for $N$ parameters without embeddings, with data and training enough. Chinchilla adds a floor, $L(N) = E + A / N^{\alpha}$. We train a ladder of
# small decoders on the same text, fit both forms to all but the largest, and let them predict it.

# %%
import logging

from lightning.pytorch import Trainer, seed_everything

import gpt_toolkit as gt
from gpt_toolkit.optim import Linear, Muon

logging.disable(logging.INFO)  # what Lightning and we say while setting up
STEPS = 250
data = gt.CorpusDataModule(
    dataset="storyworld:1", limit_documents=4000, tokenizer="storyworld", n_ctx=128, batch_size=8
)


def loss_of(n_layer: int, n_embd: int, seed: int) -> float:
    """Validation loss, nats per token."""
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


ladder = [(1, 16), (2, 16), (2, 32), (3, 48), (4, 64), (4, 96)]
found = {shape: [loss_of(*shape, seed) for seed in range(2)] for shape in ladder}
for (n_layer, n_embd), values in found.items():
    print(
        f"{n_layer} layers of {n_embd:2}: N = {12 * n_layer * n_embd**2:9,}, loss {values[0]:.3f} {values[1]:.3f}"
    )

# %% [markdown]
# ## Fit, and predict the largest
#
# A power law is a line in logarithms. Its form with a floor is fitted over a grid of floors, a line each. Both fits see the smaller five
# sizes only. Intervals come from refitting with the seeds drawn anew (a bootstrap of few seeds: a hint, not a proof).

# %% tags=["fold"]
import itertools

import numpy as np

sizes = np.array([12 * n_layer * n_embd**2 for n_layer, n_embd in ladder], dtype=float)
values = np.array(list(found.values()))  # (sizes, seeds)


def fit(n: np.ndarray, loss: np.ndarray, floors: np.ndarray) -> tuple[float, float, float]:
    """Floor, exponent and logarithm of the factor, of the line with the smallest error in log space."""
    best = (np.inf, 0.0, 0.0, 0.0)
    for floor in floors[floors < loss.min()]:
        slope, intercept = np.polyfit(np.log(n), np.log(loss - floor), 1)
        predicted = floor + np.exp(intercept + slope * np.log(n))
        error = float(np.square(predicted - loss).sum())
        best = min(best, (error, float(floor), float(-slope), float(intercept)))
    return best[1:]


forms = {"power law": np.array([0.0]), "with a floor": np.linspace(0, 3, 61)}
fits = {}
for name, floors in forms.items():
    draws = [
        fit(sizes[:-1], np.array([values[i, seed] for i, seed in enumerate(seeds)]), floors)
        for seeds in itertools.product(range(values.shape[1]), repeat=len(ladder) - 1)
    ]
    fits[name] = (fit(sizes[:-1], values[:-1].mean(axis=1), floors), np.array(draws))


def predict(parameters: tuple[float, float, float], n: np.ndarray | float) -> np.ndarray | float:
    """The loss of a size."""
    floor, exponent, intercept = parameters
    return floor + np.exp(intercept - exponent * np.log(n))


largest = values[-1].mean()
for name, (best, draws) in fits.items():
    low, high = np.percentile(draws[:, 1], [2.5, 97.5])
    predictions = [float(predict(tuple(draw), sizes[-1])) for draw in draws]
    print(
        f"{name:13} exponent {best[1]:.3f} [{low:.3f}, {high:.3f}], floor {best[0]:.2f}; largest size: predicted "
        f"{float(predict(best, sizes[-1])):.3f} [{np.percentile(predictions, 2.5):.3f}, {np.percentile(predictions, 97.5):.3f}], measured {largest:.3f}"
    )

# %% alt="Validation loss over parameters without embeddings on logarithmic axes: six sizes, a straight line and a curve with a floor through the first five, continued to the sixth." tags=["fold"]
import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(7, 3.4))
axes.plot(np.repeat(sizes[:-1], 2), values[:-1].ravel(), "o", color="C0", label="fitted")
axes.plot(np.repeat(sizes[-1:], 2), values[-1:].ravel(), "s", color="C1", label="held out")
line = np.geomspace(sizes[0] / 1.5, sizes[-1] * 2, 100)
for name, style in (("power law", "-"), ("with a floor", "--")):
    axes.plot(line, predict(fits[name][0], line), style, color="C2", linewidth=1.2, label=name)
axes.set(xscale="log", xlabel="parameters without embeddings", ylabel="nats per token")
axes.legend()
plt.show()

# %% tags=["hide"]
from IPython.display import Markdown

gaps = {name: float(predict(best, sizes[-1])) - largest for name, (best, _) in fits.items()}
closer = min(gaps, key=lambda name: abs(gaps[name]))
Markdown(
    f"The power law misses the largest size by {gaps['power law']:+.3f} nats, the form with a floor by {gaps['with a floor']:+.3f}; here the {closer} is closer. The exponent, "
    f"{fits['power law'][0][1]:.3f}, is not Kaplan's 0.076: these models are trained for {STEPS} steps, far from convergence, on a text whose rules are few, and the smallest of "
    "them have most of their parameters in embeddings, which N leaves out."
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
# Two different test texts, so only the slope compares. GPT-2's own Figure 4 has no printed numbers.
#
# ## A real ladder
#
# The shipped configs `storyworld/scaling_nano`, `_micro`, `_mini` and `_midi` are larger steps, each for one pass over its text; the last one
# takes hours on a CPU and minutes on a GPU.
#
# Next: [the ideas](../ideas/attention.md).
