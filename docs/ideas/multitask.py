# %% [markdown]
# # When does multi-task learning help, and when does it hurt?
#
# *GPT-2 §1 and §2* argue for models that learn many tasks at once. A language model does this automatically, because its training text
# contains many tasks. At a small scale the question is how one type of text affects another. The answer depends on what is scarce: text of
# the task, or training steps.
#
# ## Sampling probabilities
#
# With several labeled datasets, [`SupervisedDataModule`][gpt_toolkit.data.supervised.datamodule.SupervisedDataModule] draws each batch from
# one of them. The sampling probabilities follow T5's rules: proportional to size, proportional with a cap, with a temperature, or equal.

# %%
from gpt_toolkit.data.supervised.batch_order import example_rates

sizes = [300, 3000, 30_000]
for mixing, cap, temperature in (
    ("proportional", None, 1), ("capped", 3000, 1), ("temperature", None, 2), ("equal", None, 1)
):  # fmt: skip
    rates = example_rates(sizes, mixing, cap, temperature)
    print(f"{mixing:13}", "  ".join(f"{rate:6.1%}" for rate in rates))

# %% [markdown]
# ## An experiment with two amounts of data
#
# The task is translation: Storyworld documents with English sentences and their translations into Vallic. Storyworld is the toolkit's
# [built-in synthetic world](../glossary.md#storyworld), and Vallic is the invented second language of its people. The other text type is
# stories, which contain the English but no Vallic.
#
# One condition has few translation documents, 60; the other has plenty, 2,000. Each model trains for the same 250 steps, either on its
# translation documents alone or on these mixed equally with a thousand stories. The loss is measured on held-out translation documents.

# %%
import json
import logging
from itertools import islice
from pathlib import Path

from lightning.pytorch import Trainer, seed_everything

import gpt_toolkit as gt
from gpt_toolkit.optim import Linear, Muon
from gpt_toolkit.storyworld.documents import documents

logging.disable(logging.INFO)  # hide set-up messages
STEPS = 250
FOLDER = Path("runs/multitask")
FOLDER.mkdir(parents=True, exist_ok=True)


def write(name: str, kind: str, split: str, count: int) -> str:
    """So many documents of a kind, as a file of records."""
    path = FOLDER / f"{name}.jsonl"
    texts = islice(documents(1, split, mix={kind: 1}), count)
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    return str(path)


few, plenty = write("few", "translation", "train", 60), write("plenty", "translation", "train", 2000)
held_out = write("held_out", "translation", "validation", 100)
stories = write("stories", "story", "train", 1000)


def loss_on_translation(files: list[str], seed: int) -> float:
    """Nats per token of held-out pages of translation."""
    seed_everything(seed, verbose=False)
    data = gt.CorpusDataModule(
        files=files, val_files=held_out, tokenizer="storyworld", n_ctx=128, batch_size=8, seed=seed
    )
    task = gt.PretrainTask(
        {"n_layer": 3, "n_head": 4, "n_embd": 96},
        optimizer=Muon(lr=0.01, adamw_lr=0.01), schedule=Linear(warmup_steps=0.02),
    )  # fmt: skip
    trainer = Trainer(
        max_steps=STEPS, accelerator="cpu", gradient_clip_val=1.0, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, limit_val_batches=0,
    )  # fmt: skip
    trainer.fit(task, data)
    trainer = Trainer(accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False)
    return float(trainer.validate(task, data, verbose=False)[0]["val_loss"])


settings = {
    ("few pages", "alone"): [few],
    ("few pages", "with stories"): [few, stories],
    ("plenty", "alone"): [plenty],
    ("plenty", "with stories"): [plenty, stories],
}
found = {
    setting: [loss_on_translation(files, seed) for seed in range(2)] for setting, files in settings.items()
}
for (pages, company), values in found.items():
    print(f"{pages:10} {company:13} {'  '.join(f'{value:.3f}' for value in values)} nats per token")

# %% alt="Loss on held-out translation documents for four settings, two seeds each: few documents alone and with stories, plenty of documents alone and with stories." tags=["fold"]
import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(6, 3))
for place, pages in enumerate(("few pages", "plenty")):
    for shift, company in enumerate(("alone", "with stories")):
        values = found[pages, company]
        axes.plot(
            [place + 0.2 * (shift - 0.5)] * len(values),
            values,
            "os"[shift],
            color=f"C{shift}",
            label=None if place else company,
        )
axes.set(
    xticks=[0, 1],
    xticklabels=["few pages of translation", "plenty of them"],
    xlim=(-0.6, 1.6),
    ylabel="nats per token",
)
axes.legend()
plt.show()

# %% tags=["hide"]
from statistics import fmean

from IPython.display import Markdown

change = {
    pages: fmean(found[pages, "with stories"]) - fmean(found[pages, "alone"])
    for pages in ("few pages", "plenty")
}


def effect(value: float) -> str:
    return f"helps, by {-value:.2f} nats per token" if value < 0 else f"costs {value:.2f} nats per token"


Markdown(
    f"With few translation documents, adding stories {effect(change['few pages'])}. Without stories, the model repeats the same 60 documents and memorizes them. "
    f"With plenty of documents, adding stories {effect(change['plenty'])}, because steps on stories are not spent on the task."
)

# %% [markdown]
# ## What the literature says
#
# - T5 (Raffel et al. 2020, Tables 11 and 12) compares multi-task training with pre-training followed by fine-tuning.
#     - Multi-task training alone is worse: GLUE 76 to 82 against 83.3.
#     - Among the mixtures, a cap or a temperature of 2 is best.
#     - Pre-training on the mixture followed by fine-tuning closes the gap: 83.1.
# - decaNLP (McCann et al. 2018), which GPT-2 cites, learns ten tasks as question answering. The order in which tasks are added matters.
# - GPT-1 learns tasks one after another, each with its own head.
#
# ## Conclusion
#
# Mixing in other data helps where data of the task is scarce, and hurts where training steps are scarce. Minutes of measurement show which
# case applies. For labeled datasets: `gpt-toolkit fit --config storyworld/multitask --seeds 3`.
#
# Next: [where zero-shot ability comes from](zero_shot.md).
