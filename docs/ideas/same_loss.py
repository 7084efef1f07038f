# ---
# needs: [start/quickstart]
# ---
# %% [markdown]
# # What is the difference between pre-training and supervised learning?
#
# *GPT-2 §2.* Write a labeled example as text with the answer last. Then the supervised loss, $-\log P(y \mid x)$, is the language-model
# loss restricted to the tokens of the answer:
#
# $$-\log P(x, y) = \underbrace{-\sum_{i \le n} \log P(x_i \mid x_{<i})}_{\text{the text}} \; \underbrace{- \sum_{i > n} \log P(x_i \mid x_{<i})}_{\text{the answer, hidden in } x_{n+1}, \ldots}$$
#
# The paper concludes that both losses share their global minimum: a model that predicts every token perfectly also predicts the answer. The
# question is which loss gets there, and how fast.
#
# ## The same sum over part of the tokens
#
# An example of the counterpart of SST-2 in Storyworld, the toolkit's [built-in synthetic world](../glossary.md#storyworld), written as
# text. `loss_on="target"` computes the loss on the answer only; `"all"` on every token.

# %%
import gpt_toolkit as gt


def rows_as_text(loss_on: str, n_rows: int = 8000) -> gt.SupervisedDataModule:
    """Sentiment as text: the answer is the next word."""
    return gt.SupervisedDataModule(
        f"storyworld:sentiment:{n_rows}", tokenizer="storyworld", n_ctx=128, batch_size=32, val_rows=400,
        as_text=True, loss_on=loss_on,
    )  # fmt: skip


for loss_on in ("target", "all"):
    data = rows_as_text(loss_on)
    data.prepare_data()
    data.setup("fit")
    print(data.rows(1)[0].splitlines()[-1])

# %% [markdown]
# We compute the model's loss of each token of a batch under both settings. Where both count a token, the losses are equal, because only the
# mask differs.

# %%
import torch

from gpt_toolkit.losses import token_losses

model = gt.load("runs/quickstart/model", device="cpu")
per_token = {}
for loss_on in ("target", "all"):
    data = rows_as_text(loss_on)
    data.prepare_data()
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    with torch.no_grad():
        hidden = model.decoder(batch["input_ids"][:, 0])
    per_token[loss_on] = token_losses(hidden, model.decoder.wte.weight, batch["labels"][:, 0])
counted = per_token["target"] > 0
difference = (per_token["target"] - per_token["all"])[counted].abs().max()
print(
    f"{int(counted.sum())} tokens of {int((per_token['all'] > 0).sum())} are answers; largest difference there: {difference:.1e}"
)

# %% [markdown]
# ## Which way is faster?
#
# Three ways to learn the same 8,000 labels from the [quickstart's model](../start/quickstart.md), one pass each:
#
# - with a head that reads the extract token (GPT-1);
# - with the answer as the next word (GPT-2's view);
# - with the loss on all tokens of the example.

# %%
import logging

from lightning.pytorch import Trainer, seed_everything

from gpt_toolkit.hardware import choose_precision
from gpt_toolkit.optim import Linear, Muon

logging.disable(logging.INFO)  # hide set-up messages


def accuracy(data: gt.SupervisedDataModule) -> float:
    """On 400 held-out rows, after one pass over the training rows."""
    seed_everything(0, verbose=False)
    task = gt.FinetuneTask(
        init_from="runs/quickstart/model",
        lm_coef=0.0,
        optimizer=Muon(lr=0.005, adamw_lr=0.003),
        schedule=Linear(warmup_steps=0.05),
    )
    trainer = Trainer(
        max_epochs=1, accelerator="cpu", precision=choose_precision("cpu").name, gradient_clip_val=1.0, logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(task, data)
    return float(trainer.callback_metrics["val_sentiment_accuracy"])


with_head = {"tokenizer": "storyworld", "n_ctx": 128, "batch_size": 32, "val_rows": 400}
found = {
    "a head on the extract token": accuracy(
        gt.SupervisedDataModule("storyworld:sentiment:8000", **with_head)
    ),
    "the answer as next word": accuracy(rows_as_text("target")),
    "all tokens of the row": accuracy(rows_as_text("all")),
}
for name, value in found.items():
    print(f"{name:28} {value:.1%}")

# %% tags=["hide"]
from IPython.display import Markdown

from gpt_toolkit import intervals

Markdown(
    f"With the loss on the answer the accuracy is {found['the answer as next word']:.1%}, with the loss on all tokens {found['all tokens of the row']:.1%}, each uncertain by about "
    f"±{100 * intervals.normal(found['all tokens of the row'], 400):.0f} points. The loss on all tokens spends most of its gradient on the text, in which one token among dozens is the answer. "
    "Both losses share their minimum; the paper expects the second to be slower."
)

# %% [markdown]
# ## Conclusion
#
# - Pre-training and fine-tuning use one loss on different parts of different texts. A mask over the labels turns one into the other.
# - They differ in how much of a step's loss is about the answer: all of it, or a small part.
# - GPT-1's auxiliary loss lies between them: $L_2 + \lambda L_1$, with the text as a second task.
#
# Next: [when multi-task learning helps](multitask.md).
