# ---
# needs: [start/quickstart]
# ---
# %% [markdown]
# # Your own benchmark
#
# A custom benchmark is a file of examples and one YAML file; no code is needed. As an example, we ask the
# [quickstart's model](../start/quickstart.md) where people in Storyworld, its [synthetic world](../glossary.md#storyworld), work. The YAML
# file has a prompt with fields of the example in braces, the choices, and the number of the correct choice.

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
# Three examples are too few for a conclusion, as the interval shows. `--rows` writes every request with its answer:

# %%
for line in (folder / "answers.jsonl").read_text(encoding="utf-8").splitlines()[:3]:
    print(line[:160])

# %% [markdown]
# ## Benchmark types
#
# | `kind` | what is asked | `metric` |
# |---|---|---|
# | `multiple_choice` | which choice is most probable after the prompt | `accuracy`, `accuracy_per_token`, `accuracy_pmi` |
# | `last_word` | the last word of the text | `accuracy` |
# | `generate` | a continuation of the prompt, until `stop` or `max_new_tokens` | `exact_match`, `token_f1`, `rouge`, `bleu` |
# | `perplexity` | the probability of the text | `word_perplexity` |
#
# The right choice is its text, its index from 0 (an integer in JSON is always an index), its number from 1 or its letter. One meaning holds for
# the whole file and is printed under the table. `answer_is: text`, `index`, `number` or `letter` sets it; an answer with two meanings, such as
# `"0"` for the choices 2, 0 and 1, is refused with its line. Equal or empty choices are refused too; records without an answer are left out and
# counted. `answer` may be a list of references for `generate`: BLEU uses all of them, other metrics the best.
#
# `prompt: ""` is an empty prompt. A field of the record may have any name, `{like: this}`. `kind: perplexity` also reads a `.txt` file, whose text
# is `{text}`. It is scored under three protocols: windows that overlap by half, and as lm-eval and transformers do; `--explain` says why they differ.
#
# `metric: accuracy_pmi` chooses what gains most over its probability after `premise` alone, such as `premise: "Answer:"` (DC-PMI).
#
# `n_examples` examples precede each request (*few-shot*). They come from the file `examples` or from the other examples of the benchmark. An
# existing labeled file is evaluated as text by `--benchmarks prompt:reviews.csv --n_examples 5`, without a YAML file.
#
# [`gpt_toolkit.evaluation.custom_benchmark`][gpt_toolkit.evaluation.custom_benchmark] documents every field. For anything else, write a
# Python function from examples to requests, as in [`gpt_toolkit.evaluation.likelihood`][gpt_toolkit.evaluation.likelihood].
#
# Next: [comparing models](comparing.md).
