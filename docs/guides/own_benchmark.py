# ---
# needs: [start/quickstart]
# ---
# %% [markdown]
# # Your own benchmark
#
# A table of rows and one YAML file; no code. We write a benchmark that asks the [quickstart's model](../start/quickstart.md) where people
# of Storyworld work: a prompt with fields of the row in braces, choices, and the number of the right one.

# %%
import json
from pathlib import Path

folder = Path("runs/own_benchmark")
folder.mkdir(parents=True, exist_ok=True)
rows = [
    {"who": "the baker", "places": ["bakery", "mill", "forge"], "right": 0},
    {"who": "the smith", "places": ["bakery", "mill", "forge"], "right": 2},
    {"who": "the miller", "places": ["bakery", "mill", "forge"], "right": 1},
]
(folder / "work.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
_ = (folder / "work.yaml").write_text(
    """\
name: workplaces
files: work.jsonl
kind: multiple_choice
prompt: "Everyone knew that {who} worked at the"
choices: "{places}"
answer: "{right}"
metric: accuracy
""",
    encoding="utf-8",
)

# %% language="bash"
# gpt-toolkit zero-shot runs/quickstart/model --benchmarks runs/own_benchmark/work.yaml --rows runs/own_benchmark/answers.jsonl

# %% [markdown]
# Three rows prove nothing; the interval says so. `--rows` keeps every request with its answer:

# %%
for line in (folder / "answers.jsonl").read_text(encoding="utf-8").splitlines()[:3]:
    print(line[:160])

# %% [markdown]
# ## The kinds
#
# | `kind` | what is asked | `metric` |
# |---|---|---|
# | `multiple_choice` | which choice is likeliest after the prompt | `accuracy`, `accuracy_per_token` |
# | `last_word` | the last word of the text | `accuracy` |
# | `generate` | how the text goes on, until `stop` or `max_new_tokens` | `exact_match`, `token_f1`, `rouge`, `bleu` |
# | `perplexity` | how likely the text is | `word_perplexity` |
#
# `n_examples` rows are shown before each, from the file `examples` or from the other rows. A labelled set that you have already is asked as
# text by `--benchmarks prompt:reviews.csv --n_examples 5`, without a YAML file.
#
# [`gpt_toolkit.evaluation.custom_benchmark`][gpt_toolkit.evaluation.custom_benchmark] has every field. What does not fit is a Python function from rows to
# requests, as in [`gpt_toolkit.evaluation.likelihood`][gpt_toolkit.evaluation.likelihood].
