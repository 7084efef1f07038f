# %% [markdown]
# # Can a task be asked for in plain text?
#
# *GPT-2 §3.5 to §3.8, Table 4.* The second half of the evaluation lets the model write. Nothing in the network says what the task is; the
# text does:
#
# $$P(\text{output} \mid \text{input}, \text{task}) \quad \text{with task, input and output one sequence of tokens}$$
#
# | task | what the model reads | how its answer ends |
# |---|---|---|
# | CoQA | story, then `Q:` … `A:` … turns, a last `A:` | end of line |
# | CNN/Daily Mail | article, then `TL;DR:` | 100 tokens, top-k 2; the first three sentences |
# | WMT14 | pairs *english = french*, then *english =* | first sentence |
# | Natural Questions | question-answer pairs, then `Q:` … `A:` | end of line |
#
# Our prompts are in [`gpt_toolkit.evaluation.free_text`][gpt_toolkit.evaluation.free_text].
#
# ## What the benchmark asks, and what the model says
#
# GPT-2 has read such texts in passing. So does this model, of the [quickstart's](../start/quickstart.md) size: a third of its documents are
# stories, a sixth each dialogues, reports with a summary, translations, and questions.

# %% language="bash"
# rm -rf runs/tasks
# gpt-toolkit fit --config storyworld/quickstart --trainer.max_steps 500 --trainer.default_root_dir runs/tasks --samples.max_new_tokens 0 \
#     --data.world '{story: 2, dialogue: 1, report: 1, translation: 1, questions: 1}'

# %%
import logging

from lightning.pytorch import Trainer

import gpt_toolkit as gt

logging.disable(logging.INFO)  # what Lightning and we say while setting up
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
# With 12 rows of each the intervals are wide; `--limit` of `gpt-toolkit zero-shot` sets how many are asked. A model of 1 million
# parameters has learned the *form* of each answer: a name, a thing, a sentence of Vallic. Which one is right it does not know.
#
# ## Sampling
#
# Summaries are drawn with top-k 2. [`Sampling`][gpt_toolkit.generation.sampling.Sampling] has what the released code has, and says where others
# differ: its top-p leaves out the token that crosses the threshold, most later code keeps it.

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
# CoQA 55 F1; WMT14 5 BLEU into French, 11.5 from French; Natural Questions 4.1% exact, 63.1% of the 1% that the model is surest of. All of
# the largest model.
#
# ## What is open in the paper
#
# How many pairs stand before a translation, where an article is cut to fit, how sentences are divided, which ROUGE and which BLEU: our
# protocols state their choice, and `lm-eval`'s stand beside them under their own name.
#
# Next: [did the model read the test set?](memorization.md)
