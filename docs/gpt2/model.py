# %% [markdown]
# # What did GPT-2 change in the model?
#
# *GPT-2 §2.3, Table 2.* GPT-2 changes three things:
#
# - *Pre-norm* instead of *post-norm*: the layer norm moves from after each sum to before each sublayer, and one more follows the last block.
# - The weights that write to the *residual stream* $x$ start smaller, by the square root of their number.
# - Everything is larger.
#
# $$\text{GPT-1:} \; x \leftarrow \text{norm}(x + f(x)) \qquad \text{GPT-2:} \; x \leftarrow x + f(\text{norm}(x)), \qquad \sigma = 0.02 / \sqrt{2 L}$$
#
# Here $f$ is attention or the MLP, and $L$ is the number of blocks. One [`Block`][gpt_toolkit.backbone.block.Block] computes both forms:

# %% tags=["hide"]
import inspect
import textwrap

from IPython.display import Markdown

from gpt_toolkit.backbone.block import Block

Markdown(f"```python\n{textwrap.dedent(inspect.getsource(Block.forward))}```")

# %% [markdown]
# ## Table 2, and its error

# %%
import gpt_toolkit as gt

paper = {"gpt2": 117, "gpt2-medium": 345, "gpt2-large": 762, "gpt2-xl": 1542}  # millions
rows = [
    "| | layers | width | heads | the paper's count | true | with GPT-1's vocabulary |",
    "|---|---|---|---|---|---|---|",
]
for name, millions in paper.items():
    config = gt.DecoderConfig.from_preset(name)
    small = gt.DecoderConfig.from_preset(name, vocab_size=40_478)
    rows.append(
        f"| `{name}` | {config.n_layer} | {config.n_embd} | {config.n_head} | {millions}M | {config.n_params:,} | {small.n_params / 1e6:.2f}M |"
    )
Markdown("\n".join(rows))

# %% [markdown]
# OpenAI later stated that the paper's counts are wrong, and named the released files 124M to 1558M. With GPT-1's vocabulary of 40,478
# entries the formula gives exactly the printed numbers. That explanation is this project's guess; OpenAI has not confirmed it.
#
# ## The residual stream at initialization
#
# Every block adds to the residual stream. With plain initialization the standard deviation of the stream grows with depth. Scaled
# initialization keeps it nearly independent of depth in the first forward pass.

# %% alt="Standard deviation of the hidden states after each of 24 untrained blocks. Post-norm stays at 1; pre-norm with plain initialization grows several times as much as pre-norm with scaled initialization." tags=["fold"]
import matplotlib.pyplot as plt
import torch

torch.manual_seed(0)
ids = torch.randint(1000, (2, 64))
figure, axes = plt.subplots(figsize=(7, 3))
for label, fields in {
    "GPT-2: before, scaled": {"norm": "pre", "residual_init": "scaled"},
    "before, not scaled": {"norm": "pre", "residual_init": "plain"},
    "GPT-1: after, not scaled": {"norm": "post", "residual_init": "plain"},
}.items():
    decoder = gt.Decoder(
        gt.DecoderConfig(vocab_size=1000, n_ctx=64, n_layer=24, n_head=4, n_embd=256, **fields)
    )
    x = decoder.wte(ids) + decoder.wpe.weight[:64]
    spread = [x.std().item()]
    with torch.no_grad():
        for block in decoder.h:
            x = block(x)
            spread.append(x.std().item())
    axes.plot(spread, label=label)
axes.set(xlabel="after block", ylabel="standard deviation", yscale="log", title="norm before or after")
axes.legend()
plt.show()

# %% [markdown]
# ## Pre-norm and post-norm in training
#
# The same decoder of 8 narrow blocks, pre-norm and post-norm, on the same text with two learning rates.

# %%
import logging

from lightning.pytorch import Trainer, seed_everything

from gpt_toolkit.optim import AdamW, Linear

logging.disable(logging.INFO)  # hide set-up messages
STEPS = 100
data = gt.CorpusDataModule(
    dataset="storyworld:1", limit_documents=2000, tokenizer="storyworld", n_ctx=128, batch_size=8
)


def loss_after(norm: str, lr: float) -> float:
    """Train a small decoder; return its validation loss in nats per token."""
    seed_everything(0, verbose=False)
    task = gt.PretrainTask(
        {"n_layer": 8, "n_head": 2, "n_embd": 64, "norm": norm, "residual_init": "scaled" if norm == "pre" else "plain"},
        optimizer=AdamW(lr=lr), schedule=Linear(warmup_steps=0.02),
    )  # fmt: skip
    trainer = Trainer(
        max_steps=STEPS, accelerator="cpu", gradient_clip_val=1.0, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, limit_val_batches=10,
    )  # fmt: skip
    trainer.fit(task, data)
    return float(trainer.validate(task, data, verbose=False)[0]["val_loss"])


losses = {(norm, lr): loss_after(norm, lr) for norm in ("pre", "post") for lr in (1e-3, 1e-2)}
table = ["| norm | rate 0.001 | rate 0.01 |", "|---|---|---|"]
table += [f"| {norm} | {losses[norm, 1e-3]:.2f} | {losses[norm, 1e-2]:.2f} |" for norm in ("pre", "post")]
Markdown("\n".join([*table, "", f"*Validation loss in nats per token after {STEPS} steps.*"]))

# %% [markdown]
# Each cell is a single run, and a hundred steps are only the start of training. Others report that post-norm needs a longer warm-up and a
# lower learning rate in long runs. This table does not show that.
#
# ## The same logits as transformers
#
# The results on these pages depend on the network being GPT-2. With the same random weights, `transformers` and this toolkit compute the
# same logits:

# %%
import tempfile

import transformers

torch.manual_seed(0)
config = gt.DecoderConfig(vocab_size=101, n_ctx=32, n_layer=3, n_head=2, n_embd=24)
model = gt.LanguageModel(gt.Decoder(config))
with tempfile.TemporaryDirectory() as folder:
    model.save(f"{folder}/model")
    theirs = transformers.GPT2LMHeadModel.from_pretrained(f"{folder}/model").eval()
ids = torch.randint(101, (2, 32))
with torch.no_grad():
    difference = (model.logits(ids) - theirs(ids).logits).abs().max()
print(f"largest difference of logits: {difference:.1e}")

# %% [markdown]
# ## Differences from the paper and other implementations
#
# - The paper does not say which layers its $N$ counts. We count two per block, the output projections of attention and of the MLP, as other
#   implementations do. The released code only runs the model and has no such scaling.
# - Position embeddings start at N(0, 0.01), as in the released code. Hugging Face and nanoGPT use 0.02.
# - The released code has no dropout, and neither has the preset. The dropout used in training was not published.
#
# Exercises on this page, solutions behind a fold: [`gpt2-2.3`](../guides/exercises.md#gpt2-2.3),
# [`gpt2-2.3b`](../guides/exercises.md#gpt2-2.3b).
#
# Next: [zero-shot language modeling](language_modeling.md).
