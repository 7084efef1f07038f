# ---
# needs: [start/quickstart]
# ---
# %% [markdown]
# # What does fine-tuning add to pre-training?
#
# *GPT-1 §3.2, equations 3 to 5.* A labeled example has tokens $x^1, \ldots, x^m$ and a label $y$. A new matrix $W_y$, the *head*, reads the
# last block's hidden state at the last token, the [extract token](input_transformations.md):
#
# $$P(y \mid x^1, \ldots, x^m) = \text{softmax}(h_l^m W_y) \qquad (3)$$
#
# Fine-tuning maximizes the log-probability of the label and, with weight $\lambda$, the language-model objective $L_1$ on the example's
# text (the *auxiliary loss*):
#
# $$L_2 = \sum_{(x, y)} \log P(y \mid x^1, \ldots, x^m) \quad (4) \qquad\qquad L_3 = L_2 + \lambda \, L_1 \quad (5)$$
#
# The training step of [`FinetuneTask`][gpt_toolkit.tasks.finetune.FinetuneTask]:

# %% tags=["hide"]
import inspect
import textwrap

from IPython.display import Markdown

import gpt_toolkit as gt

Markdown(f"```python\n{textwrap.dedent(inspect.getsource(gt.FinetuneTask.training_step))}```")

# %% [markdown]
# $\lambda$ is the argument `lm_coef`. With $\lambda = 0$ the last block is computed for the extract tokens only, since the loss needs
# nothing else from it.
#
# ## With and without pre-training, with and without the auxiliary loss
#
# Three runs on the counterpart of SST-2 in Storyworld, the toolkit's [built-in synthetic world](../glossary.md#storyworld): is the writer
# of this text content? Each run sees the same 8,000 examples once, in the same order. The pre-trained runs start from the
# [quickstart's model](../start/quickstart.md).

# %%
import logging

from lightning.pytorch import Trainer, seed_everything

from gpt_toolkit.hardware import choose_precision
from gpt_toolkit.optim import Linear, Muon

logging.disable(logging.INFO)  # hide set-up messages


def finetuned(*, pretrained: bool, lm_coef: float, task: str = "sentiment") -> dict[str, float]:
    """Scores on held-out rows after one pass over the training rows."""
    seed_everything(0, verbose=False)
    data = gt.SupervisedDataModule(
        f"storyworld:{task}:8000", tokenizer="storyworld", n_ctx=128, batch_size=32, val_rows=400
    )
    start = (
        {"init_from": "runs/quickstart/model"}
        if pretrained
        else {"decoder": {"n_layer": 2, "n_head": 2, "n_embd": 128}}
    )
    module = gt.FinetuneTask(
        **start,
        lm_coef=lm_coef,
        optimizer=Muon(lr=0.005, adamw_lr=0.003),
        schedule=Linear(warmup_steps=0.05),
    )
    trainer = Trainer(
        max_epochs=1, accelerator="cpu", precision=choose_precision("cpu").name, gradient_clip_val=1.0, logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(module, data)
    return {name: float(value) for name, value in trainer.callback_metrics.items()}


results = {
    "pre-trained, λ = 0.5": finetuned(pretrained=True, lm_coef=0.5),
    "pre-trained, λ = 0": finetuned(pretrained=True, lm_coef=0.0),
    "from scratch, λ = 0.5": finetuned(pretrained=False, lm_coef=0.5),
}
for name, scores in results.items():
    print(f"{name:22} accuracy {scores['val_sentiment_accuracy']:.1%}  L2 {scores['val_loss']:.3f} nats")

# %% tags=["hide"]
from gpt_toolkit import intervals

accuracies = {name: scores["val_sentiment_accuracy"] for name, scores in results.items()}
with_aux, without, scratch = accuracies.values()
known = intervals.normal(without, 400)
Markdown(
    f"Here pre-training adds {100 * (with_aux - scratch):.0f} points and the auxiliary loss {100 * (with_aux - without):.0f}, in one run of each. With 400 examples, "
    f"an accuracy is uncertain by about ±{100 * known:.0f} points. "
    + (
        "A small model with little pre-training also learns from the examples' text."
        if with_aux - without > known
        else "So these runs do not show whether the auxiliary loss helps."
    )
    + " `--seeds 5` repeats a run and prints mean and interval."
)

# %% [markdown]
# ## The paper's numbers
#
# GPT-1's Table 5; the averages are over eight datasets of GLUE. The paper concludes that the auxiliary loss helps on the larger datasets
# (the entailment datasets and QQP) and not on the small ones.
#
# | | average | SST-2 | MNLI | RTE |
# |---|---|---|---|---|
# | pre-trained, λ = 0.5 | 74.7 | 91.3 | 81.8 | 56.0 |
# | pre-trained, λ = 0 | 75.0 | 92.0 | 81.1 | 54.4 |
# | from scratch, λ = 0.5 | 59.9 | 84.0 | 75.7 | 53.8 |
#
# On average the model *without* the auxiliary loss is better, by 0.3 points in a single run.
#
# ## Differences from the paper
#
# - The optimizer is Muon at 0.005 with AdamW at 0.003 for embeddings and head, not Adam at 6.25·10⁻⁵: our model has about a hundredth of
#   the parameters. We train one epoch, not three.
# - $L_1$ is the released code's: the mean over each sequence's own tokens. All answers of a question count alike, and the special tokens
#   after the first are predicted too.
# - The head has a bias, as in the released code. The paper's equation has none.
# - Similarity graded from 0 to 5 is learned as a probability split between two neighboring classes, see
#   [`grade_loss`][gpt_toolkit.losses.grade_loss].
#
# Exercises on this page, solutions behind a fold: [`gpt1-3.2`](../guides/exercises.md#gpt1-3.2),
# [`gpt1-3.2b`](../guides/exercises.md#gpt1-3.2b).
#
# Next: [what exactly was trained](setup.md).
