# ---
# makes: [runs/traces]
# ---
# %% [markdown]
# # Where does zero-shot ability come from?
#
# *GPT-2 §2.1* gives a hint: its training text contains translations in ordinary English prose. The hypothesis is that a model performs a
# task without training on it *because the task occurs in its text*. A synthetic world allows a controlled experiment: remove these
# occurrences.
#
# Storyworld is the toolkit's [built-in synthetic world](../glossary.md#storyworld). It has a second language, Vallic, and documents of
# sentences with translations. Two equal models read the same number of documents. In one corpus a quarter are translations and a quarter
# are reports with a summary. The other corpus has only stories.

# %%
import gpt_toolkit as gt
from gpt_toolkit.storyworld.documents import documents

with_traces = {"story": 2, "translation": 1, "report": 1}
print(next(text for text in documents(1, mix=with_traces) if " = " in text).split("\n\n")[-1])

# %%
import logging

from lightning.pytorch import Trainer, seed_everything

from gpt_toolkit.optim import Linear, Muon

logging.disable(logging.INFO)  # hide set-up messages


def trained(world: dict[str, float], steps: int = 400) -> gt.LanguageModel:
    """Train a decoder of three blocks for a few hundred steps on Storyworld documents."""
    seed_everything(0, verbose=False)
    data = gt.CorpusDataModule(
        dataset="storyworld:1",
        world=world,
        limit_documents=4000,
        tokenizer="storyworld",
        n_ctx=128,
        batch_size=8,
    )
    task = gt.PretrainTask(
        {"n_layer": 3, "n_head": 4, "n_embd": 96},
        optimizer=Muon(lr=0.01, adamw_lr=0.01),
        schedule=Linear(warmup_steps=0.02),
    )
    trainer = Trainer(
        max_steps=steps, accelerator="cpu", gradient_clip_val=1.0, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, limit_val_batches=0,
    )  # fmt: skip
    trainer.fit(task, data)
    return gt.LanguageModel(task.built_backbone, gt.load_tokenizer("storyworld"))


models = {"with traces": trained(with_traces), "without": trained({"story": 1})}
models["with traces"].save("runs/traces/model", overwrite=True)

# %% [markdown]
# ## Form and content
#
# The prompts are the paper's: *English sentence =* after two examples, and an article with `TL;DR:`. We measure two numbers for each model.
# The first is the loss of the *right* answer in nats per token. It falls as soon as the model knows which type of text is asked for. The
# second is how often the right answer is more probable than that of *another* example. That requires the content.

# %%
from collections.abc import Sequence
from itertools import islice
from statistics import fmean

from gpt_toolkit.storyworld.benchmarks import benchmark

pairs = list(islice(benchmark("translation", 0), 62))
examples = "".join(f"{row.english} = {row.sister}\n" for row in pairs[:2])
reports = list(islice(benchmark("summaries", 0), 60))
questions = {
    "translation": [(f"{examples}{row.english} =", row.sister) for row in pairs[2:]],
    "summary": [(f"{row.article}\nTL;DR:", row.highlights) for row in reports],
}


def cost(model: gt.LanguageModel, context: str, answer: str) -> float:
    """Nats per token of an answer; a context that is too long loses its beginning."""
    n = len(model.tokenizer.encode(f" {answer}"))
    kept = model.tokenizer.decode(model.tokenizer.encode(context)[-(model.decoder.config.n_ctx - n) :])
    return -model.score(kept, f" {answer}")[0] / n


def asked(model: gt.LanguageModel, rows: Sequence[tuple[str, str]]) -> tuple[float, float]:
    """Nats per token of the right answers, and how often these beat the next row's."""
    right = [cost(model, context, answer) for context, answer in rows]
    other = [cost(model, context, rows[(i + 1) % len(rows)][1]) for i, (context, _) in enumerate(rows)]
    return fmean(right), fmean(a < b for a, b in zip(right, other, strict=True))


found = {
    (task, name): asked(model, rows) for task, rows in questions.items() for name, model in models.items()
}
for (task, name), (nats, share) in found.items():
    print(f"{task:12} {name:12} right answer {nats:5.2f} nats per token, preferred to another {share:.0%}")

# %% alt="Nats per token of the right answer for both tasks: several times lower for the model whose text contains the task than for the other." tags=["fold"]
import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(6, 2.8))
for shift, name in enumerate(models):
    axes.bar(
        [place + 0.36 * (shift - 0.5) for place in range(2)],
        [found[task, name][0] for task in questions],
        width=0.34,
        label=name,
    )
axes.set(xticks=range(2), xticklabels=list(questions), ylabel="nats per token, right answer")
axes.legend()
plt.show()

# %% tags=["hide"]
from IPython.display import Markdown

from gpt_toolkit import intervals


def content(task: str) -> str:
    share = found[task, "with traces"][1]
    return f"{share:.0%} for the {task}, {'compatible with chance' if abs(share - 0.5) < intervals.normal(0.5, 60) else 'above chance'}"


saved = {task: found[task, "without"][0] - found[task, "with traces"][0] for task in questions}
Markdown(
    f"The model whose text contains the task has a lower loss: by {saved['translation']:.1f} nats per token of a translation and {saved['summary']:.1f} of a summary. The other model does not know "
    f"which type of text is asked for. That is the *form*. The content is different at this size. The model with traces prefers the right answer in {content('translation')}, and {content('summary')} "
    "(60 examples each are uncertain by ±13 points). The form is learned first and from few examples; the mapping needs more text and a larger model."
)

# %% [markdown]
# ## What the paper found
#
# WebText was filtered for English, yet a language detector found 10 MB of French in it. The largest model reaches 5 BLEU from English to
# French and 11.5 from French to English. Into French that is slightly worse than word-by-word substitution with a dictionary. The paper's
# Table 1 lists examples of such text. It does not train a second GPT-2 without them; here both models take two minutes.
#
# ## Conclusion
#
# Without training on a task, a model can do what its text contains, and it learns the form before the content. Repeat the experiment with
# fewer occurrences (`--data.world.translation 0.05`) or another task (`summaries`: leave out `report`; `conversation`: leave out
# `dialogue`) to see how much of it the text must contain.
#
# Next: [what a prompt does](prompts.md).
