# %% [markdown]
# # Exercises
#
# Write parts of both papers' models yourself. `gpt-toolkit exercise` lists the exercises, each with its section of a paper:
#
# ```console
# gpt-toolkit exercise
# gpt-toolkit exercise gpt1-3.1
# gpt-toolkit exercise gpt1-3.1 --check gpt1_3_1.py
# ```
#
# The second command writes a file: what the paper says, the shapes, an example, and a function with a hole. Fill in the hole with any
# editor. The third command runs your function inside the toolkit's decoder or pipeline. It compares the results with the toolkit's own
# and prints `pass` or what is wrong. Typical mistakes get a hint of their own. Nothing is downloaded, and a check takes a few seconds.
#
# Try an exercise before you open its solution.

# %% tags=["hide"]
from IPython.display import Markdown

from gpt_toolkit.exercises import EXERCISES, Exercise

PAGES = {
    "gpt1-3.1": "gpt1/pretraining",
    "gpt1-3.2": "gpt1/finetuning",
    "gpt1-3.3": "gpt1/input_transformations",
    "gpt1-4.1": "gpt1/setup",
    "gpt1-4.2": "gpt1/results",
    "gpt1-5": "gpt1/analysis",
    "gpt2-2.2": "gpt2/input_representation",
    "gpt2-2.3": "gpt2/model",
    "gpt2-3.1": "gpt2/language_modeling",
    "gpt2-3.2": "gpt2/language_modeling",
    "gpt2-3.3": "gpt2/language_modeling",
    "gpt2-3.4": "gpt2/language_modeling",
    "gpt2-3.5": "gpt2/tasks_as_text",
    "gpt2-3.6": "gpt2/tasks_as_text",
    "gpt2-4": "gpt2/memorization",
}


def described(exercise: Exercise) -> str:
    """Return an exercise with its page and its folded solution."""
    page = PAGES[exercise.id.rstrip("bcd")]
    code = exercise.solution.partition('"""\n\n')[2]  # without the text of the exercise
    solution = "\n".join(f"    {line}".rstrip() for line in code.strip().splitlines())
    return f"""\
## {exercise.id}: {exercise.title} {{#{exercise.id}}}

{exercise.section}, [page of the section](../{page}.md)

```console
gpt-toolkit exercise {exercise.id}
gpt-toolkit exercise {exercise.id} --check {exercise.file_name}
```

??? note "Solution of {exercise.id}"

    ```python
{solution}
    ```"""


Markdown("\n\n".join(map(described, EXERCISES.values())))

# %% [markdown]
# Next: [your own data](own_data.md).
