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

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

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
* ``graded``: one text, or two in both orders; the answer is a number, learned as a class between its two
  nearest levels;
* ``multiple_choice``: one sequence for each choice; the answer is the index of the right one;
* ``text``: input, prompt and target in one sequence; the answer is text.
"""


@dataclass(frozen=True)
class TaskSpec:
    """Description of a supervised dataset: what its examples are and what the outputs for them mean.

    Args:
        name: Name of the dataset and of its metrics.
        kind: Form of the sequences and answers.
        labels: Names of the classes, or of a graded dataset's levels, lowest first, or of the choices; else
            empty. For text, the words that are the only answers, if any.
        choices: Number of choices of an example; 1 unless multiple choice.
        metrics: Its metrics, the main one first: ``accuracy``, ``f1``, ``matthews``, ``pearson``,
            ``spearman``; for free text ``rouge``, ``bleu``, ``exact_match``, ``token_f1``.
        subsets: Names of subsets with metrics of their own, such as matched and mismatched.
        max_new_tokens: Length of the longest generated answer, for text.
        positive: Label whose F1 is computed; "" is the last one of two, and the mean over more classes.
        levels: Grades of a graded dataset's levels; the numbers that its labels are, unless given.
        head: Name of the dataset whose head is used; "" is the one of its own name.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...]
    choices: int
    metrics: tuple[str, ...]
    subsets: tuple[str, ...] = ()
    max_new_tokens: int = 0
    positive: str = ""
    levels: tuple[float, ...] = ()
    head: str = ""

    def __post_init__(self) -> None:
        if self.positive and self.positive not in self.labels:
            labels = ", ".join(self.labels)
            raise ValueError(
                f"{self.name}: positive: {self.positive!r}; expected one of its labels: {labels}"
            )
        if self.kind == "graded" and not self.levels:
            object.__setattr__(self, "levels", tuple(map(float, self.labels)))

    @property
    def head_name(self) -> str:
        """Name of the dataset whose head is used."""
        return self.head or self.name

    @property
    def has_head(self) -> bool:
        """True if a head gives the answers, rather than the next tokens."""
        return self.kind != "text"

    @property
    def answer_names(self) -> tuple[str, ...]:
        """Names of the outputs: classes, levels, or choices, by number if they have no names."""
        return self.labels or tuple(map(str, range(self.choices)))

    @property
    def f1_class(self) -> int | None:
        """Index of the class whose F1 is computed; None for the mean over the classes."""
        if self.positive:
            return self.labels.index(self.positive)
        return 1 if len(self.answer_names) == 2 else None

    @property
    def n_outputs(self) -> int:
        """Number of outputs of the dataset's head; 0 for text, which has no head."""
        return {"multiple_choice": 1, "text": 0}.get(self.kind, len(self.labels))

    @property
    def has_free_text(self) -> bool:
        """True if answers are any text, rather than one of the labels."""
        return self.kind == "text" and not self.labels


@dataclass(frozen=True)
class TrainedDataset:
    """A dataset that a model was fine-tuned on, as its checkpoints store it.

    Args:
        spec: The dataset; also if its answers are text, with the labels of its files.
        is_text: Whether its labels were learned as words, without a head.
        files: Checksums of the training files, if it is read from files.
        columns: Columns by the option that names them, such as ``text``, if it is read from files.
        n_ctx: Longest sequence, in tokens; None if unknown.
    """

    spec: TaskSpec
    is_text: bool = False
    files: tuple[str, ...] = ()
    columns: Mapping[str, str | list[str]] = field(default_factory=dict)
    n_ctx: int | None = None

    @property
    def has_head(self) -> bool:
        """True if the dataset has a head."""
        return self.spec.has_head and not self.is_text

    @property
    def n_texts(self) -> int | None:
        """Number of texts that its columns hold for an example; None for other kinds or without columns."""
        return len({"text", "text_a", "text_b"} & self.columns.keys()) or None

    def to_fields(self) -> dict[str, Any]:
        """Return the fields as plain types, as ``from_fields`` takes them."""
        spec = {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self.spec).items()}
        return {
            "spec": spec,
            "is_text": self.is_text,
            "files": list(self.files),
            "columns": dict(self.columns),
            "n_ctx": self.n_ctx,
        }

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> TrainedDataset:
        """Build the description from the fields in a checkpoint."""
        spec: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in fields["spec"].items()
        }
        others = fields["is_text"], tuple(fields["files"]), fields["columns"], fields.get("n_ctx")
        return cls(TaskSpec(**spec), *others)


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
        target: ``(B,)``; int64 class or choice, float32 grade, or 0 for text; any value without a target.
        has_target: ``(B,)``, bool; whether the right answer is known.
        examples: ``(B,)``, int64; index of the example in its split.
        subsets: ``(B,)``, int64; index into the dataset's ``subsets``, or -1.
        references: Right answers, for text; else empty.
        texts: Texts of each example as its source has them, to predict; else empty.
        step_examples: Number of examples in the whole optimizer step, over all micro-batches and ranks: the
            divisor of the step's loss. In evaluation, those of this batch.
        repeated: Whether another rank reads the same examples in evaluation; then they do not count here.
    """

    task: str
    input_ids: Tensor
    labels: Tensor
    lengths: Tensor
    target: Tensor
    has_target: Tensor
    examples: Tensor
    subsets: Tensor
    references: list[list[str]]
    texts: list[tuple[str, ...]]
    step_examples: int
    repeated: NotRequired[bool]
