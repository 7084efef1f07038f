# ---
# needs: [start/quickstart]
# ---
# %% [markdown]
# # Your own task
#
# The backbone is a plain `nn.Module`: token ids in, hidden states out, without loss and labels. A new task is a LightningModule around it.
# As an example, we write a regression, which neither paper has: the model predicts the *length* of a document from its first tokens.
#
# ## The task

# %%
import logging

import torch
from lightning.pytorch import LightningModule, Trainer, seed_everything
from torch import Tensor, nn

import gpt_toolkit as gt
from gpt_toolkit.optim import AdamW

logging.disable(logging.INFO)  # hide set-up messages


class LengthTask(LightningModule):
    """Predict the logarithm of a text's length from its first tokens.

    Args:
        model: The pre-trained model whose decoder is used, and trained on.
        lr: Learning rate.
    """

    def __init__(self, model: str, lr: float) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.backbone = gt.load(model, device="cpu").decoder.train()
        self.head = nn.Linear(self.backbone.config.n_embd, 1)

    def forward(self, input_ids: Tensor) -> Tensor:
        last = torch.full((len(input_ids), 1), input_ids.shape[1] - 1)
        hidden = self.backbone(input_ids, positions=last)  # (B, 1, D): the last block computes one position
        return self.head(hidden[:, 0])[:, 0]  # (B,)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        input_ids, target = batch
        return nn.functional.mse_loss(self(input_ids), target)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        input_ids, target = batch
        self.log("val_error", (self(input_ids) - target).abs().mean(), batch_size=len(target))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return AdamW(lr=self.hparams["lr"]).build(self)


# %% [markdown]
# With `positions`, the decoder returns only the hidden states at these positions, and computes the last block for them alone.
#
# ## Train it

# %%
from itertools import islice

from torch.utils.data import DataLoader, TensorDataset

from gpt_toolkit.storyworld.documents import documents

vocabulary = gt.load_tokenizer("storyworld")


def rows(split: str, n: int) -> TensorDataset:
    """Return the first 16 tokens of documents, and the logarithm of their length in tokens."""
    encoded = [vocabulary.encode(text) for text in islice(documents(1, split), n)]
    encoded = [ids for ids in encoded if len(ids) >= 16]
    lengths = torch.tensor([float(len(ids)) for ids in encoded]).log()
    return TensorDataset(torch.tensor([ids[:16] for ids in encoded]), lengths)


seed_everything(0, verbose=False)
train, held_out = rows("train", 2000), rows("validation", 300)
task = LengthTask("runs/quickstart/model", lr=1e-3)
trainer = Trainer(
    max_epochs=1, accelerator="cpu", gradient_clip_val=1.0, logger=False, enable_checkpointing=False,
    enable_progress_bar=False, enable_model_summary=False,
)  # fmt: skip
trainer.fit(task, DataLoader(train, batch_size=32, shuffle=True), DataLoader(held_out, batch_size=64))
target = held_out.tensors[1]
print(
    f"mean error {float(trainer.callback_metrics['val_error']):.3f} of the logarithm; always the mean: {(target - train.tensors[1].mean()).abs().mean():.3f}"
)

# %% [markdown]
# ## Building blocks
#
# | For | Use |
# |---|---|
# | a loss over the vocabulary without storing all logits | [`linear_cross_entropy`][gpt_toolkit.losses.linear_cross_entropy] |
# | parameter groups for weight decay, Muon, schedules per update | [`gpt_toolkit.optim`](../reference/api/optim.md) |
# | heads over several sequences of an example | [`gpt_toolkit.backbone.heads`][gpt_toolkit.backbone.heads] |
# | weights of any GPT-1 or GPT-2 | [`gt.load`][gpt_toolkit.inference.load_model.load] |
#
# A task for the command line and its checkpoints derives from [`BaseTask`][gpt_toolkit.tasks.base.BaseTask]. It builds the backbone once the
# data is known, steps the schedule per update, and refuses a checkpoint whose data has changed.
#
# Next: [your own benchmark](own_benchmark.md).
