# ---
# needs: [start/quickstart]
# ---
# %% [markdown]
# # Who has the thing?
#
# In a story of Storyworld, the toolkit's [built-in synthetic world](../glossary.md#storyworld), things change hands. The world keeps a state: who
# holds what. So a question has a right answer that does not come from another model. We ask the [quickstart's model](../start/quickstart.md),
# then use [`model.trace`](../guides/look_inside.md) to find where its answer comes from.
#
# ## A story and its state
#
# In this plot a hero wants something that a friend owns. The friend gives it away only for a third person's thing, which the hero has to barter
# for first. We break the story off before its last words.

# %%
from random import Random
from typing import NamedTuple

import gpt_toolkit as gt
from gpt_toolkit.storyworld.benchmarks.sentence_alignment import join, tell_aligned
from gpt_toolkit.storyworld.plots import swapping
from gpt_toolkit.storyworld.scenes import Story

model = gt.load("runs/quickstart/model", device="cpu")
tokenizer = model.tokenizer


class Question(NamedTuple):
    """A story that breaks off before a name, the person who has the thing, and one who has not."""

    text: str
    thing: str
    holder: str
    other: str
    is_fair: bool  # pronouns fit both names

    def swapped(self) -> "Question":
        """Exchange the two names everywhere: the right answer is then the other one."""
        text = self.text.replace(self.holder, "\0").replace(self.other, self.holder).replace("\0", self.other)
        return self._replace(text=text, holder=self.other, other=self.holder)


def questions(seed: int) -> list[Question]:
    """Return two questions about a held-out story: on the thing that the hero wanted and the one given for it."""
    state = Story(Random(seed), "validation")
    swapping(state)
    told = tell_aligned(state)
    end = next(place for place, part in enumerate(told) if part.event.kind == "final_swap")
    begin = f"{join(told[:end])} In the end {told[end].event.t.the} was with"
    found = []
    hero = told[end].event.a
    for text, thing in (
        (begin, told[end].event.t),
        (f"{begin} {hero.name} and {told[end].event.t2.the} was with", told[end].event.t2),
    ):
        holder = state.holder[thing]
        others = [person for person in state.holder.values() if person not in (holder, hero)]
        other = told[end].event.b if holder is hero else others[0]
        found.append(Question(text, thing.the, holder.name, other.name, holder.female is other.female))
    return found


wanted, given = questions(30)
print(wanted.text, "...\n")
for question in (wanted, given):
    print(f"The world's state: {question.thing} is with {question.holder}, not with {question.other}.")

# %% [markdown]
# ## How often is the model right?
#
# For each question we compare the logits of the two names. We also exchange the two names in the whole story, which exchanges the right
# answers. A rule that always prefers one of the names is then right once, never twice. An answer counts only if it is right both times, so
# a blind guess is right in a quarter of the cases.

# %%


def ids_of(text: str) -> list[int]:
    """Return a document's ids: the end-of-text token and the text's tokens."""
    return [tokenizer.end_of_text, *tokenizer.encode(text)]


def token(name: str) -> int:
    """Return the id of a name inside a sentence."""
    return tokenizer.encode(f" {name}")[0]


def preference(question: Question) -> float:
    """Return the logit of the holder's name minus that of the other name."""
    logits = model.trace(ids_of(question.text))["logits"][-1]
    return (logits[token(question.holder)] - logits[token(question.other)]).item()


def fits(question: Question) -> bool:
    """Return whether the names can be exchanged, and the texts fit the context with equally many tokens."""
    lengths = {len(ids_of(each.text)) for each in (question, question.swapped())}
    return question.is_fair and len(lengths) == 1 and max(lengths) <= model.decoder.config.n_ctx


right: dict[str, list[bool]] = {"wanted": [], "given": []}
for seed in range(200):
    for name, question in zip(right, questions(seed), strict=True):
        if fits(question):
            right[name].append(preference(question) > 0 and preference(question.swapped()) > 0)
for name, results in right.items():
    print(f"the thing that was {name}: right in {sum(results)} of {len(results)} stories")

# %% tags=["hide"]
from IPython.display import Markdown

fractions = {name: sum(results) / len(results) for name, results in right.items()}
Markdown(
    f"The model knows who has the thing that the hero wanted ({fractions['wanted']:.0%}). "
    + (
        f"It does not know who has the thing that was given for it ({fractions['given']:.0%}; a guess: 25%). "
        "The first answer does not prove that it tracks holders, because the right answer is always the hero."
        if fractions["given"] < 0.4
        else f"It mostly knows who has the thing that was given for it, too ({fractions['given']:.0%}; a guess: 25%)."
    )
)

# %% [markdown]
# ## Where does the answer come from?
#
# *Activation patching* copies one activation from a run on the story into a run on the story with exchanged names. If the answer turns around,
# this activation carries it. We patch the residual stream before each layer, at one position at a time. 0 means that the answer stays that of the
# exchanged names, 1 that it becomes that of the story.

# %%
from gpt_toolkit.interpretability.patching import patch_effects

story_ids, swapped_ids = ids_of(wanted.text), ids_of(wanted.swapped().text)
answers = (token(wanted.holder), token(wanted.other))
effects = patch_effects(model.decoder, story_ids, swapped_ids, answers)
print(
    f"logit difference: {effects.difference:+.1f} in the story, {effects.other_difference:+.1f} with exchanged names"
)

# %% alt="Bars of the effect of patching each position, one panel for each layer and activation." tags=["fold"]
import matplotlib.pyplot as plt

figure, grid = plt.subplots(
    model.decoder.config.n_layer, 2, figsize=(9, 4), sharex=True, sharey=True, squeeze=False
)
places = range(effects.first, len(story_ids))
for layer, row in enumerate(grid):
    for axes, kind in zip(row, ("resid_pre", "attn.out"), strict=True):
        axes.bar(places, effects.effects[kind][layer].tolist(), width=1.5)
        axes.set(title=f"h.{layer}.{kind}")
        axes.grid(visible=False)
for axes in grid[-1]:
    axes.set(xlabel="position")
plt.tight_layout()
plt.show()

# %%
last = model.decoder.config.n_layer - 1
for name in ("resid_pre", "attn.out"):
    layer_effects = effects.effects[name][last]
    print(f"h.{last}.{name}")
    for place in layer_effects.topk(4).indices.tolist():
        context = tokenizer.decode(story_ids[max(0, effects.first + place - 4) : effects.first + place + 1])
        print(f"  {layer_effects[place]:5.2f} at ...{context!r}")

# %% tags=["hide"]
moved = effects.effects["attn.out"][last, -1].item()
Markdown(
    f"In the last layer, attention at the last position carries {moved:.0%} of the way: there the model reads a name from earlier positions. "
    "The residual stream before it has the difference at the places where the names stand."
)

# %% [markdown]
# ## The same as a page
#
# [`gpt-toolkit look`](../guides/look_inside.md) shows all of this for any two texts of equally many tokens, with the surprisal of each token,
# the logit lens and the attention of each head. It writes one HTML file, which needs no network. Here it is called from Python:

# %%
from pathlib import Path

from gpt_toolkit.interpretability.look_report import look

page = Path("runs/look.html")
look(model, wanted.text, title="quickstart", output=page, other_text=wanted.swapped().text)
print(f"{page}: {page.stat().st_size / 1e6:.2f} MB")

# %% [markdown]
# Neither paper looks inside its model.
#
# Next: [exercises](../guides/exercises.md).
