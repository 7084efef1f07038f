"""Batches: the types that DataModules give to tasks.

Shape letters, used in every docstring and at line ends:

====== =======================================
``B``  batch: sequences
``C``  sequences of an example: choices, or orders
``T``  positions of a sequence, at most n_ctx
``D``  width of the hidden states, n_embd
``H``  attention heads
``K``  width of a head, D / H
``V``  vocabulary
``N``  hidden states, B times T
====== =======================================
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias, TypedDict

from torch import Tensor

IGNORE_INDEX = -100
"""Label of a position without a loss (torch's default)."""


class LanguageModelBatch(TypedDict):
    """Text for next-token prediction (GPT-1 eq. 1).

    Attributes:
        input_ids: ``(B, T)``, int64.
        labels: ``(B, T)``, int64; ``labels[b, t]`` is the token after ``input_ids[b, t]``, or
            ``IGNORE_INDEX``.
        step_targets: Number of labels with a loss in the whole optimizer step, over all micro-batches and
            ranks: the divisor of the step's loss. In evaluation, those of this batch.
        bytes_per_token: UTF-8 bytes of text per token of this split, on average.
    """

    input_ids: Tensor
    labels: Tensor
    step_targets: int
    bytes_per_token: float


Kind: TypeAlias = Literal["classification", "similarity", "graded", "multiple_choice", "text"]
"""Form of a dataset's sequences and answers (GPT-1 §3.3):

* ``classification``: one sequence, of one text or of premise and hypothesis; the answer is a class;
* ``similarity``: two texts in both orders; the answer is a class of the pair;
* ``graded``: two texts in both orders; the answer is a number, learned as a class between its two nearest
  levels;
* ``multiple_choice``: one sequence for each choice; the answer is the index of the right one;
* ``text``: input, prompt and target in one sequence; the answer is text.
"""


@dataclass(frozen=True)
class TaskSpec:
    """Description of a supervised dataset.

    Args:
        name: Name of the dataset, of its head and of its metrics.
        kind: Form of the sequences and answers.
        labels: Names of the classes, or of a graded dataset's levels, lowest first; else empty. For text, the
            words that are the only answers, if any.
        choices: Number of choices of an example; 1 unless multiple choice.
        metrics: Its metrics, the main one first: ``accuracy``, ``f1``, ``matthews``, ``pearson``,
            ``spearman``; for free text ``rouge``, ``bleu``, ``exact_match``, ``token_f1``.
        subsets: Names of subsets with metrics of their own, such as matched and mismatched.
        max_new_tokens: Length of the longest generated answer, for text.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...]
    choices: int
    metrics: tuple[str, ...]
    subsets: tuple[str, ...] = ()
    max_new_tokens: int = 0

    @property
    def n_outputs(self) -> int:
        """Number of outputs of the dataset's head; 0 for text, which has no head."""
        return {"multiple_choice": 1, "text": 0}.get(self.kind, len(self.labels))

    @property
    def has_free_text(self) -> bool:
        """True if answers are any text, rather than one of the labels."""
        return self.kind == "text" and not self.labels


class SupervisedBatch(TypedDict):
    """Labelled examples of one dataset, as sequences (GPT-1 §3.2-3.3).

    ``C`` is the number of choices for multiple choice, 2 for both orders of a pair, else 1.

    Attributes:
        task: Name of the dataset.
        input_ids: ``(B, C, T)``, int64; padding at the right, of any id: no position attends to it.
        labels: ``(B, C, T)``, int64; the next token where it has a language-model loss, else
            ``IGNORE_INDEX``.
        lengths: ``(B, C)``, int64; number of tokens without padding. The last one is the extract token. For
            text in evaluation, the length of the prompt.
        target: ``(B,)``; int64 class or choice, float32 grade, or 0 for text. -1 or NaN if unknown.
        examples: ``(B,)``, int64; index of the example in its split.
        subsets: ``(B,)``, int64; index into the dataset's ``subsets``, or -1.
        references: Right answers, for text; else empty.
        step_examples: Number of examples in the whole optimizer step, over all micro-batches and ranks: the
            divisor of the step's loss. In evaluation, those of this batch.
    """

    task: str
    input_ids: Tensor
    labels: Tensor
    lengths: Tensor
    target: Tensor
    examples: Tensor
    subsets: Tensor
    references: list[list[str]]
    step_examples: int
