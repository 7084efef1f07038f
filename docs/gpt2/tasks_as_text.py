# %% [markdown]
# # Can a task be asked for in plain text?
#
# *GPT-2 §3.5 to §3.8, Table 4.* In the second half of the evaluation the model generates text. Nothing in the network names the task; the
# prompt does:
#
# $$P(\text{output} \mid \text{input}, \text{task}) \quad \text{with task, input and output one sequence of tokens}$$
#
# | task | prompt | end of the answer |
# |---|---|---|
# | CoQA | story, then `Q:` … `A:` … turns, a last `A:` | end of line |
# | CNN/Daily Mail | article, then `TL;DR:` | 100 tokens, top-k 2; the first three sentences |
# | WMT14 | pairs *english = french*, then *english =* | first sentence |
# | Natural Questions | question-answer pairs, then `Q:` … `A:` | end of line |
#
# Our prompts are in [`gpt_toolkit.evaluation.free_text`][gpt_toolkit.evaluation.free_text].
#
# ## Prompts and answers
#
# GPT-2 saw such texts in its training data. The model below has the [quickstart's](../start/quickstart.md) size and a training text that
# contains the tasks. A third of its documents are stories. Dialogues, reports with a summary, translations and questions are a sixth each.
# All come from Storyworld, the toolkit's [built-in synthetic world](../glossary.md#storyworld).

# %% language="bash"
# rm -rf runs/tasks
# gpt-toolkit fit --config storyworld/quickstart --trainer.max_steps 500 --trainer.default_root_dir runs/tasks --samples.max_new_tokens 0 \
#     --data.world '{story: 2, dialogue: 1, report: 1, translation: 1, questions: 1}'

# %%
import logging

from lightning.pytorch import Trainer

import gpt_toolkit as gt

logging.disable(logging.INFO)  # hide set-up messages
names = ["conversation", "summaries", "translation", "questions"]
data = gt.ZeroShotDataModule(
    [f"storyworld:{name}" for name in names],
    protocols=["paper"],
    tokenizer="runs/tasks/model",
    n_ctx=256,
    limit=12,
)
task = gt.ZeroShotTask(init_from="runs/tasks/model")
trainer = Trainer(accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False)
trainer.test(task, data, verbose=False)
vocabulary = gt.load_tokenizer("runs/tasks/model")
shown = set()
for batch in data.test_dataloader():
    name = batch["name"]
    if name in shown:
        continue
    shown.add(name)
    number, request = batch["numbers"][0], batch["requests"][0]
    prompt = vocabulary.decode(list(request.ids))
    print(f"--- {name}\n...{prompt[-330:]}\n>>> {task.answers[name][number].text.strip()[:200]}\n")

# %% [markdown]
# ## Scores

# %% tags=["hide"]
from IPython.display import Markdown

lines = ["| benchmark | protocol | metric | score | 95% interval | guessing |", "|---|---|---|---|---|---|"]
for score in task.scores:
    values = [
        f"{value:.3f}" if value == value else "" for value in (score.value, score.interval, score.chance)
    ]
    lines.append(
        f"| {score.benchmark} | {score.protocol} | {score.metric.replace('_', ' ')} | {' | '.join(values)} |"
    )
Markdown("\n".join(lines))

# %% [markdown]
# With 12 examples of each benchmark the intervals are wide. `gpt-toolkit zero-shot --limit N` sets the number of examples. A model of 1
# million parameters has learned the *form* of each answer: a name, a thing, a sentence in Vallic, Storyworld's second language. It does not
# know which answer is right.
#
# ## Sampling
#
# Summaries are sampled with top-k 2. [`Sampling`][gpt_toolkit.generation.sampling.Sampling] implements the options of the released code and
# documents where others differ. For example, the released top-p excludes the token that crosses the threshold; most later code keeps it.

# %%
prompt = "It was a rainy morning in autumn. Nora the miller"
for setting in ({"temperature": 0.0}, {"top_k": 2}, {"top_k": 40}, {"top_p": 0.9}, {}):
    text = gt.load("runs/tasks/model", device="cpu").generate(prompt, max_new_tokens=25, seed=1, **setting)
    print(f"{setting!s:22}", text.replace("\n", " "))

# %% [markdown]
# ## The paper's numbers
#
# | CNN/Daily Mail (Table 4) | R-1 | R-2 | R-L | mean |
# |---|---|---|---|---|
# | Bottom-Up | 41.22 | 18.68 | 38.34 | 32.75 |
# | Lede-3 | 40.38 | 17.66 | 36.62 | 31.55 |
# | GPT-2 with `TL;DR:` | 29.34 | 8.27 | 26.58 | 21.40 |
# | three random sentences | 28.78 | 8.63 | 25.52 | 20.98 |
# | GPT-2 without | 21.58 | 4.03 | 19.47 | 15.03 |
#
# The other scores, all of the largest model:
#
# - CoQA: 55 F1.
# - WMT14: 5 BLEU from English to French, 11.5 from French to English.
# - Natural Questions: 4.1% exact match. On the 1% of questions with the most confident answers it is 63.1%; the paper calls the
#   probabilities well *calibrated*.
#
# ## Details that the paper leaves open
#
# The paper does not state the number of pairs before a translation, the truncation of long articles, the sentence splitter, or the ROUGE and
# BLEU variants. Our protocols state their choices. `lm-eval`'s choices are available as protocols under their own name.
#
# Exercises on this page, solutions behind a fold: [`gpt2-3.5`](../guides/exercises.md#gpt2-3.5),
# [`gpt2-3.6`](../guides/exercises.md#gpt2-3.6), [`gpt2-3.6b`](../guides/exercises.md#gpt2-3.6b).
#
# Next: [did the model read the test set?](memorization.md)
