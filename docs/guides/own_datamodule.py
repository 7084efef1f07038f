# %% [markdown]
# # Your own DataModule
#
# A task needs two things from its DataModule: batches of a known form, and a few attributes. For
# [`PretrainTask`][gpt_toolkit.tasks.pretrain.PretrainTask] a batch is a [`LanguageModelBatch`][gpt_toolkit.batches.LanguageModelBatch], and the
# DataModule has these attributes:
#
# | Attribute | Content |
# |---|---|
# | `vocabulary` | the tokenizer of the batches, after `setup` |
# | `n_ctx` | the context length of the batches, in tokens |
# | `plan` (optional) | a text that describes the data and their order; a checkpoint resumes only with the same one |
# | `sources` (optional) | a list of dictionaries that checkpoints record: `name`, `fingerprint`, `size`, `unit` and `per_step` of each source |
#
# Such a DataModule works with the command line and with checkpoints like the built-in ones. A missing attribute raises an error that names
# it.
#
# ## Example: sums
#
# The text is generated while it is read. A batch is a function of its number, so a stopped run resumes at the same batch.

# %%
import random

import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader, Dataset

import gpt_toolkit as gt
from gpt_toolkit.batches import IGNORE_INDEX, LanguageModelBatch


class Sums(Dataset[LanguageModelBatch]):
    """Batches of lines such as 27+15=42, each with its loss on the digits after the equals sign."""

    def __init__(self, n_batches: int, batch_size: int, seed: int) -> None:
        self.n_batches, self.batch_size, self.seed = n_batches, batch_size, seed
        self.vocabulary = gt.load_tokenizer("bytes")

    def __len__(self) -> int:
        return self.n_batches

    def __getitem__(self, index: int) -> LanguageModelBatch:
        draw = random.Random(f"{self.seed} {index}")
        pairs = [(draw.randrange(50), draw.randrange(50)) for _ in range(self.batch_size)]
        lines = torch.tensor([self.vocabulary.encode(f"{a:2}+{b:2}={a + b:2}\n") for a, b in pairs])
        labels = lines[:, 1:].clone()
        labels[:, :5] = IGNORE_INDEX  # the question itself is random: nothing to learn
        return {
            "input_ids": lines[:, :-1],
            "labels": labels,
            "step_targets": int((labels != IGNORE_INDEX).sum()),
            "bytes_per_token": 1.0,
        }


class SumsDataModule(LightningDataModule):
    """Sums of two numbers below 50.

    Args:
        batch_size: Lines of a batch.
        seed: Chooses the lines.
    """

    n_ctx = 8

    def __init__(self, batch_size: int = 64, seed: int = 0) -> None:
        super().__init__()
        self.batch_size, self.seed = batch_size, seed
        self.vocabulary = gt.load_tokenizer("bytes")
        self.plan = f"sums {batch_size} {seed}"  # a checkpoint refuses to continue with another plan

    def train_dataloader(self) -> DataLoader[LanguageModelBatch]:
        """Batches of training lines."""
        return DataLoader(Sums(1000, self.batch_size, self.seed), batch_size=None)

    def val_dataloader(self) -> DataLoader[LanguageModelBatch]:
        """Batches of other lines."""
        return DataLoader(Sums(10, self.batch_size, self.seed + 1), batch_size=None)


# %% [markdown]
# `step_targets` is the divisor of the step's loss. With accumulated micro-batches or several devices it is the number of targets in *all* of
# them; the built-in modules compute it from the plan of the step.
#
# ## Train with it

# %%
import logging

from lightning.pytorch import Trainer, seed_everything

from gpt_toolkit.optim import AdamW, Linear

logging.disable(logging.INFO)  # hide set-up messages
seed_everything(0, verbose=False)
data = SumsDataModule()
task = gt.PretrainTask(
    {"n_layer": 2, "n_head": 4, "n_embd": 64}, optimizer=AdamW(lr=3e-3), schedule=Linear(warmup_steps=0.05)
)
trainer = Trainer(
    max_steps=600, accelerator="cpu", gradient_clip_val=1.0, logger=False, enable_checkpointing=False,
    enable_progress_bar=False, enable_model_summary=False,
)  # fmt: skip
trainer.fit(task, data)
print(
    {name: round(float(value), 3) for name, value in trainer.validate(task, data, verbose=False)[0].items()}
)

model = gt.LanguageModel(task.built_backbone, data.vocabulary)
for question in ("27+15=", " 3+ 4=", "49+49="):
    print(question, model.generate(question, max_new_tokens=2, temperature=0.0))

# %% [markdown]
# ## On the command line
#
# Name a class of an installed package, or of a module in the current folder, by its path:
#
# ```console
# gpt-toolkit fit --config text/own --data my_package.SumsDataModule --data.batch_size 128
# ```
#
# A class that only a config names is refused, because configs may come from others. Allow its package, for example for the config that the
# run has saved:
#
# ```console
# gpt-toolkit test --config runs/own/config.yaml --ckpt_path best --allow my_package
# ```
#
# `GPT_TOOLKIT_ALLOW=my_package` does the same for all commands; see [files from others](safety.md).
#
# For labeled examples the batch is a [`SupervisedBatch`][gpt_toolkit.batches.SupervisedBatch], and
# [`FinetuneTask`][gpt_toolkit.tasks.finetune.FinetuneTask] lists the attributes of the DataModule.
#
# Next: [your own task](own_task.md).
