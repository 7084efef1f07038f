# %% [markdown]
# # Resume a run, and handle loss spikes
#
# `--ckpt_path last` resumes a stopped run. A run writes `checkpoints/last.ckpt` after each validation and at the end, and `best.ckpt` when
# the monitored metric improves. Ctrl-C finishes the step, saves and stops.
#
# Data order and dropout are functions of seed and step. A resumed run therefore ends with bit-identical weights to an uninterrupted one. A
# small run shows it.
#
# ## One uninterrupted run, one in two parts

# %%
import logging

import torch
from lightning.pytorch import Callback, Trainer, seed_everything

import gpt_toolkit as gt
from gpt_toolkit.optim import Linear, Muon

logging.disable(logging.INFO)  # hide set-up messages


class StopAt(Callback):
    """Ends a run in its middle, as Ctrl-C does."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_end(self, trainer: Trainer, *_: object) -> None:
        trainer.should_stop = trainer.global_step >= self.step


def run(stop_at: int, ckpt_path: str | None = None) -> gt.PretrainTask:
    """40 steps of a run, or as far as ``stop_at``; dropout and learning rate change with the step."""
    seed_everything(1, verbose=False)
    data = gt.CorpusDataModule(
        dataset="storyworld:1", limit_documents=300, tokenizer="storyworld", n_ctx=64, batch_size=8
    )
    task = gt.PretrainTask(
        {"preset": "gpt-nano", "resid_pdrop": 0.1},
        optimizer=Muon(lr=0.01, adamw_lr=0.01),
        schedule=Linear(warmup_steps=4),
    )
    trainer = Trainer(
        max_steps=40, accelerator="cpu", gradient_clip_val=1.0, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, limit_val_batches=0, callbacks=[StopAt(stop_at)],
    )  # fmt: skip
    trainer.fit(task, data, ckpt_path=ckpt_path)
    trainer.save_checkpoint("runs/resume.ckpt")
    print(f"stopped at step {trainer.global_step}")
    return task


whole = run(stop_at=40).state_dict()
run(stop_at=17)
resumed = run(stop_at=40, ckpt_path="runs/resume.ckpt").state_dict()
equal = all(torch.equal(whole[name], resumed[name]) for name in whole)
print(f"{len(whole)} tensors, bit for bit equal: {equal}")
assert equal

# %% [markdown]
# ## What a run has read
#
# Each checkpoint has a ledger: the data that the steps so far have read, with a fingerprint of the text. `gpt-toolkit doctor --ckpt` prints
# it for a checkpoint or the folder of a run, without a config.

# %%
from gpt_toolkit.cli import main

main(["doctor", "--ckpt", "runs/resume.ckpt"])

# %% [markdown]
# A resumed run extends the last entry, so it ends with the ledger of an uninterrupted run. With other data
# (`--model.accept_new_plan true`) it begins a new entry. The ledger grows with the number of such changes, not with the number of steps.
# The plan and the seed determine every window, so the ledger needs no list of windows. Counts of windows are exact. Counts of fine-tuning's
# examples are averages (`about`), because batches differ in size. Steps that [the guard against spikes](#spikes) left out are listed too.
#
# In Python the ledger is `torch.load(PATH, weights_only=True)["gpt_toolkit"]["ledger"]`, a list of plain dictionaries.
#
# ## On the command line
#
# ```console
# gpt-toolkit fit --config text/own --data.files letters.txt          # Ctrl-C: saves and prints the command to resume
# gpt-toolkit fit --config text/own --data.files letters.txt --ckpt_path last
# gpt-toolkit fit --config runs/own/config.yaml --ckpt_path last --trainer.max_steps +500     # 500 steps more than the checkpoint's
# ```
#
# `config.yaml` in the run's folder holds every setting. A run is the folder that its config lies in: move or rename it, and
# `--config NEW_FOLDER/config.yaml` finds its checkpoints there. `--trainer.default_root_dir` names another folder.
#
# | Setting | What it does |
# |---|---|
# | `--checkpoints.every_n_steps 1000` | also writes `last.ckpt` every thousand updates, in case of a power cut |
# | `--checkpoints.keep_every_n_steps 5000` | keeps a series of `step-<number>.ckpt` to return to |
# | `--ckpt_path runs/own/checkpoints/step-0005000.ckpt` | resumes from that checkpoint |
# | `--model.optimizer.lr`, `--model.schedule`, `--trainer.max_steps`, ... | apply from the first resumed step; a line lists what changed since the checkpoint |
# | `--model.accept_new_plan true` | resumes although the data or the windows of a step have changed; otherwise refused, with both plans |
#
# - SIGTERM, which job schedulers send before they end a job, has the same effect as Ctrl-C. During a validation the run saves after the
#   batch, with several processes after the validation. A run stopped before a validation begins with it when it resumes.
# - A second Ctrl-C ends the process within 2 seconds, also if it waits for another process. Every verb that is stopped has exit code 130.
# - Before a run ends, `generate`, `zero-shot`, `report` and `gt.load` take `last.ckpt` in place of its `model/`, and print so.
# - Files are written under a temporary name and then renamed, so a file under its final name is complete.
# - A checkpoint is flushed to the disk before it gets its name, and verified when it is read: a changed byte is an error. If `last.ckpt`
#   is damaged, `--ckpt_path last` takes the newest intact checkpoint of the run and says so.
# - `metrics.csv` and `samples.txt` go back to the step of the checkpoint, so a killed and resumed run has the records of an unbroken one.
# - `run.lock` keeps a second process from training in the same folder.
# - A folder with a run is never overwritten. Use `--ckpt_path last`, or another `--trainer.default_root_dir`.
# - Another optimizer, such as Muon instead of AdamW, is refused, since the state in the checkpoint does not fit it.
# - A refused command changes nothing in the folder.
#
# ## An interrupted evaluation
#
# `gpt-toolkit zero-shot`, and `validate` or `test` with a `ZeroShotTask`, append the answers to each batch of requests to a file. A command
# that was stopped or killed and is repeated reads these answers and computes the rest; its table is the same.
#
# - The files lie in the folder `answers` of the cache: `$GPT_TOOLKIT_CACHE`, or the system's folder for caches. Delete it to clear them.
# - A file belongs to a hash of weights, dtype, shape, tokenizer, device and code, and to benchmark, protocol with its version, and requests.
#   If a single weight differs, nothing is reused.
# - `--no_store` (`--model.store false`) neither reads nor writes answers.
# - The table does not depend on `--batch_tokens` or on the number of devices: in fp32 all scores are equal within 1e-6. In bf16 the
#   log-probability of an answer changes by up to about 2e-4 of its value with the texts that share its batch, so a table can differ in the
#   fifth digit, and one right answer can tip where two are nearly equal.
#
# ## Spikes
#
# A loss that jumps and recovers is common at high learning rates. Try these, in this order:
#
# 1. `--trainer.gradient_clip_val 1.0`, which the shipped configs set. It clips the *global* norm, as GPT-1's released code does.
# 2. A longer warm-up, `--model.schedule.warmup_steps 2000`. Post-norm decoders (GPT-1) need it most, see
#    [the model of GPT-2](../gpt2/model.md).
# 3. A lower learning rate from the checkpoint before the spike:
#    `--ckpt_path runs/own/checkpoints/step-0005000.ckpt --model.optimizer.lr 1e-4`.
# 4. `betas: [0.9, 0.95]` instead of 0.999, so that an old, small second moment does not make an update too large.
#
# ### Bad steps never reach the weights
#
# Each step is checked before its update. A step is bad if its loss or the norm of its gradient is not finite. With a `z_score`,
# a step is also bad if its loss or its gradient norm lies far above those of the last good steps. What happens then is a setting:
#
# | Setting | After a bad step |
# |---|---|
# | `--spikes.action stop` (the default) | the run ends with an error that names the step; `last.ckpt` holds the last saved good state |
# | `--spikes.action skip` | the update is skipped; the run continues with the next data |
# | `--spikes.action rewind` | weights and optimizer state of `last.ckpt` are restored; the run continues with the next data and learning rate |
# | `--spikes.z_score 6 --spikes.window 100` | also treats a step as bad if its loss or gradient norm is 6 standard deviations above the mean of the last 100 good ones |
# | `--spikes.limit 10` | ends the run at the eleventh bad step among `window` steps |
#
# `spikes.jsonl` lists every bad step with its reason, and the checkpoints carry the list. Rewinding goes back to the last checkpoint,
# so use it with `--checkpoints.every_n_steps`. In fp16, an overflowing gradient is not a bad step; the loss scale is halved instead.
# A validation loss that is not a number is never the best one.
#
# If losses that are not finite return, check the data with `gpt-toolkit doctor`, and check the precision.
#
# Next: [files from others](safety.md).
