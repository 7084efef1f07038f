# ---
# needs: [start/quickstart]
# ---
# %% [markdown]
# # What is pre-training worth, layer by layer?
#
# *GPT-1 §5, Figure 2 and Table 5.* Three questions:
#
# - How much does each transferred layer contribute?
# - How does zero-shot performance grow during pre-training?
# - What remains without pre-training or without the auxiliary loss?
#
# ## Layers transferred (Figure 2, left)
#
# The embeddings and the first $l$ blocks come from the [quickstart's model](../start/quickstart.md); the rest starts from random weights.
# This is one argument of [`FinetuneTask`][gpt_toolkit.tasks.finetune.FinetuneTask].

# %%
import logging

from lightning.pytorch import Trainer, seed_everything

import gpt_toolkit as gt
from gpt_toolkit.hardware import choose_precision
from gpt_toolkit.optim import Linear, Muon

logging.disable(logging.INFO)  # hide set-up messages
ROWS, HELD_OUT = 8000, 800


def accuracy(task: str, layers: int | None) -> float:
    """On held-out rows after one pass; None layers: not even the embeddings are transferred."""
    seed_everything(0, verbose=False)
    data = gt.SupervisedDataModule(
        f"storyworld:{task}:{ROWS}",
        tokenizer="storyworld",
        n_ctx=128,
        batch_size=32,
        val_rows=HELD_OUT,
    )
    start = (
        {"decoder": {"n_layer": 2, "n_head": 2, "n_embd": 128}}
        if layers is None
        else {"init_from": "runs/quickstart/model", "transfer_layers": layers}
    )
    module = gt.FinetuneTask(
        **start, lm_coef=0.0, optimizer=Muon(lr=0.005, adamw_lr=0.003), schedule=Linear(warmup_steps=0.05)
    )
    trainer = Trainer(
        max_epochs=1, accelerator="cpu", precision=choose_precision("cpu").name, gradient_clip_val=1.0, logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(module, data)
    return float(trainer.callback_metrics[f"val_{task}_accuracy"])


transferred = {layers: accuracy("sentiment", layers) for layers in (None, 0, 1, 2)}
for layers, value in transferred.items():
    print(f"{'nothing' if layers is None else f'embeddings and blocks: {layers}':25} {value:.1%}")

# %% alt="Accuracy on the sentiment task with 95 percent intervals: nothing transferred, the embeddings alone, one block, both blocks." tags=["fold"]
import matplotlib.pyplot as plt

from gpt_toolkit import intervals

values = list(transferred.values())
figure, axes = plt.subplots(figsize=(7, 3))
axes.errorbar(
    range(4), values, yerr=[intervals.normal(value, HELD_OUT) for value in values], fmt="o-", capsize=4
)
axes.set(
    xticks=range(4),
    xticklabels=["nothing", "embeddings", "1 block", "both"],
    xlabel="transferred",
    ylabel="accuracy",
)
plt.show()

# %% tags=["hide"]
from IPython.display import Markdown

Markdown(
    f"Compared with no transfer, all layers add {100 * (transferred[2] - transferred[None]):+.1f} points and the embeddings alone "
    f"{100 * (transferred[0] - transferred[None]):+.1f}. Each accuracy is uncertain by about ±{100 * intervals.normal(0.8, HELD_OUT):.0f} points and is of one "
    "seed. In the paper every layer helps, up to 9 points on MultiNLI from embeddings alone to all twelve layers."
)

# %% [markdown]
# ## Zero-shot performance during pre-training (Figure 2, right)
#
# GPT-1 evaluates the pre-trained network on tasks without fine-tuning, with heuristics:
#
# - acceptability: the mean log-probability of the sentence;
# - sentiment: which of *positive* and *negative* is more probable after "very";
# - answers and pronoun referents: the candidate with the higher mean log-probability.
#
# We train for 600 steps and evaluate three times on the way.

# %%
from lightning.pytorch.callbacks import Callback

CHECKS = (50, 200, 600)
RULES = {"acceptability": "paper", "sentiment": "paper", "pronouns": "gpt1"}  # benchmark and protocol
curves: dict[str, list[float]] = {}


def ask(task: gt.PretrainTask) -> None:
    """Evaluate the heuristics of GPT-1 §5 on 100 examples each."""
    model = gt.LanguageModel(task.built_backbone, gt.load_tokenizer("storyworld"))
    model.save("runs/analysis", overwrite=True)
    for name, protocol in RULES.items():
        data = gt.ZeroShotDataModule(
            f"storyworld:{name}", protocols=[protocol], tokenizer="storyworld", n_ctx=128, limit=100
        )
        zero_shot = gt.ZeroShotTask(init_from="runs/analysis")
        Trainer(accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False).test(
            zero_shot, data, verbose=False
        )
        for score in zero_shot.scores:
            curves.setdefault(f"{name}, {score.metric}", []).append(score.value)


class Asking(Callback):
    """Stops to ask after some steps."""

    def on_train_batch_end(self, trainer: Trainer, task: gt.PretrainTask, *_: object) -> None:
        if trainer.global_step in CHECKS:
            ask(task)
            task.train()


seed_everything(0, verbose=False)
corpus = gt.CorpusDataModule(
    dataset="storyworld:1", limit_documents=5000, tokenizer="storyworld", n_ctx=128, batch_size=8
)
task = gt.PretrainTask("gpt-nano", optimizer=Muon(lr=0.01, adamw_lr=0.01), schedule=Linear(warmup_steps=0.02))
trainer = Trainer(
    max_steps=max(CHECKS), accelerator="cpu", gradient_clip_val=1.0, logger=False, enable_checkpointing=False,
    enable_progress_bar=False, enable_model_summary=False, limit_val_batches=0, callbacks=[Asking()],
)  # fmt: skip
trainer.fit(task, corpus)
for name, values in curves.items():
    print(f"{name:32}", "  ".join(f"{step}: {value:.3f}" for step, value in zip(CHECKS, values, strict=True)))

# %% [markdown]
# The paper draws these curves between chance (0) and the best supervised model (1) and prints no numbers. All four of them rise during
# pre-training. At our size and length they are hardly above chance: with a hundred examples a score is uncertain by ten points.
#
# ## Table 5
#
# | | average | CoLA | SST-2 | MRPC | STS-B | QQP | MNLI | QNLI | RTE |
# |---|---|---|---|---|---|---|---|---|---|
# | full | 74.7 | 45.4 | 91.3 | 82.3 | 82.0 | 70.3 | 81.8 | 88.1 | 56.0 |
# | no pre-training | 59.9 | 18.9 | 84.0 | 79.4 | 30.9 | 65.5 | 75.7 | 71.2 | 53.8 |
# | no auxiliary loss | 75.0 | 47.9 | 92.0 | 84.9 | 83.2 | 69.8 | 81.1 | 86.9 | 54.4 |
# | LSTM, auxiliary loss | 69.1 | 30.3 | 90.5 | 83.2 | 71.8 | 68.1 | 73.7 | 81.1 | 54.6 |
#
# At a small scale, with several seeds and intervals: `gpt-toolkit tables --parts table5,figure2 --seeds 3`. The toolkit has no LSTM.
#
# Exercise on this page, solutions behind a fold: [`gpt1-5`](../guides/exercises.md#gpt1-5).
#
# Next: [GPT-2's vocabulary](../gpt2/input_representation.md).
