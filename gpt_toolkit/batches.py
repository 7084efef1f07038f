"""Where data and tasks meet: what a batch holds, and what a task may ask of a DataModule.

Shape letters, used in every docstring and at line ends:

====== =======================================
``B``  batch: sequences
``C``  sequences of a row: choices, or orders
``T``  positions of a sequence, at most n_ctx
``D``  width of the hidden states, n_embd
``H``  attention heads
``K``  width of a head, D / H
``V``  vocabulary
``N``  rows of hidden states, B times T
====== =======================================
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias, TypedDict

from torch import Tensor

from gpt_toolkit.tokenizers import Tokenizer

IGNORE_INDEX = -100
"""Label of a position where no loss is due (torch's default)."""


class LanguageModelBatch(TypedDict):
    """Text for next-token prediction (GPT-1 eq. 1).

    Attributes:
        input_ids: ``(B, T)``, int64.
        labels: ``(B, T)``, int64; ``labels[b, t]`` is the token after ``input_ids[b, t]``, or
            ``IGNORE_INDEX``.
        step_targets: Labels that count in the whole optimizer step, over all micro-batches and ranks; what
            the step's loss is divided by. In evaluation, those of this batch.
        bytes_per_token: UTF-8 bytes of text that a token of this split stands for, on average.
    """

    input_ids: Tensor
    labels: Tensor
    step_targets: int
    bytes_per_token: float


Kind: TypeAlias = Literal["classification", "similarity", "graded", "multiple_choice", "text"]
"""How a set's rows become sequences and an answer (GPT-1 §3.3):

* ``classification``: one sequence, of one text or of premise and hypothesis; a class of it;
* ``similarity``: two texts in both orders; a class of the pair;
* ``graded``: two texts in both orders; a number, learned as a class between its two nearest levels;
* ``multiple_choice``: a sequence an answer; the right one's index;
* ``text``: input, prompt and target in one sequence; the answer is text.
"""


@dataclass(frozen=True)
class TaskSpec:
    """What a fine-tuning task needs to know of a supervised set.

    Args:
        name: The set's name; its head and its metrics are called so.
        kind: How rows become sequences.
        labels: Names of the classes, or of the levels of a graded set, lowest first; empty for others.
        choices: Answers a row, for multiple choice; else 1.
        metrics: What it is judged by, the set's own first: ``accuracy``, ``f1``, ``matthews``, ``pearson``,
            ``spearman``; for text ``rouge``, ``bleu``, ``exact_match``, ``token_f1``, and ``accuracy`` where
            the answers are the labels.
        parts: Names of parts of the set that are scored on their own too, such as matched and mismatched.
        max_new_tokens: Longest answer that is generated, for text.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...]
    choices: int
    metrics: tuple[str, ...]
    parts: tuple[str, ...] = ()
    max_new_tokens: int = 0

    @property
    def n_outputs(self) -> int:
        """Outputs of the set's head for one state; 0 for text, which has the language model's alone."""
        return {"multiple_choice": 1, "text": 0}.get(self.kind, len(self.labels))


class SupervisedBatch(TypedDict):
    """Labelled rows of one set, as sequences (GPT-1 §3.2-3.3).

    ``C`` is the answers of a row for multiple choice, 2 for both orders of a pair, else 1.

    Attributes:
        task: Name of the set.
        input_ids: ``(B, C, T)``, int64; padding on the right, of any id: nothing attends to it.
        labels: ``(B, C, T)``, int64; the next token where the language-model loss counts, else
            ``IGNORE_INDEX``.
        lengths: ``(B, C)``, int64; tokens without padding. The last one is the extract token. For text in
            evaluation those of the prompt: what follows is to be generated.
        target: ``(B,)``; int64 class or choice, float32 grade, or 0 for text. -1 or NaN where a row has none.
        rows: ``(B,)``, int64; number of the row in its split, counted from 0.
        parts: ``(B,)``, int64; index into the set's ``parts``, -1 where a row is of none.
        references: Answers that count as right, for text; else empty.
        step_examples: Rows of the whole optimizer step, over all micro-batches and ranks; what the step's
            loss is divided by. In evaluation, those of this batch.
    """

    task: str
    input_ids: Tensor
    labels: Tensor
    lengths: Tensor
    target: Tensor
    rows: Tensor
    parts: Tensor
    references: list[list[str]]
    step_examples: int


class LanguageModelData(Protocol):
    """What a language-modelling task reads from its DataModule."""

    n_ctx: int
    """Context length of the batches, in tokens."""

    vocabulary: Tokenizer
    """The tokenizer that made the batches; there after ``setup``."""

    plan: str
    """Fingerprint of the order in which training windows are read; there after ``setup``."""


class SupervisedData(Protocol):
    """What a fine-tuning task reads from its DataModule."""

    n_ctx: int
    """Longest sequence, in tokens."""

    vocabulary: Tokenizer
    """The tokenizer that made the batches; there after ``setup``."""

    plan: str
    """Fingerprint of the order in which training rows are read; there after ``setup``."""

    n_special_tokens: int
    """Token ids after the vocabulary's: start, delimiter, extract (GPT-1 §3.3); 0 if all sets are text."""

    tasks: Mapping[str, TaskSpec]
    """The sets, by name; there after ``setup``."""


class MeasuredTask(Protocol):
    """What a callback that measures a run's speed reads from the task."""

    unit: str
    """What ``work`` counts, in the plural."""

    def work(self, batch: Any) -> int:
        """How much of ``unit`` the optimizer step of a batch trains on, on all devices."""

    def flops(self, batch: Any) -> float:
        """Operations that this device spends on training on a micro-batch."""


class MeasuredLoader(Protocol):
    """What it reads from the loader of the training batches."""

    seconds_waited: float
    """How long the run has waited for batches so far."""


class Continuation(NamedTuple):
    """Ask: how likely is a continuation, and would greedy decoding give it?

    Attributes:
        context: Token ids before it; at least one.
        continuation: Token ids to be scored, each given all before it.
        excluded: Ids that greedy decoding may not choose as the continuation's first token (stop words).
    """

    context: tuple[int, ...]
    continuation: tuple[int, ...]
    excluded: frozenset[int] = frozenset()


class RunningText(NamedTuple):
    """Ask: how likely is a text, read in windows?

    A window ends every ``stride`` tokens and scores those that the window before it has not; it sees up to
    ``window`` tokens in all, the first of them unscored context.

    Attributes:
        ids: Token ids; each but the first is scored once.
        window: Inputs of a window, at most the context length.
        stride: Tokens by which windows move on; equal to ``window`` where they do not overlap.
    """

    ids: tuple[int, ...]
    window: int
    stride: int


class Prompt(NamedTuple):
    """Ask: how does a text go on?

    Attributes:
        ids: Token ids, at least one.
        max_new_tokens: Longest answer.
        stop: The answer ends before the first of these strings.
        top_k: 1 is greedy.
        seed: Of the draw, where it is not greedy.
    """

    ids: tuple[int, ...]
    max_new_tokens: int
    stop: tuple[str, ...] = ()
    top_k: int = 1
    seed: int = 0


Request: TypeAlias = Continuation | RunningText | Prompt
"""What a benchmark asks of a model."""


class Answer(NamedTuple):
    """What a model says to a request.

    Attributes:
        log_probability: Summed natural-log probability of all scored tokens; of a generated answer's too.
        n_scored: How many they are.
        is_greedy: Whether greedy decoding gives the continuation; False for other requests.
        text: The generated text; "" for other requests.
        last_is_greedy: Whether the continuation's last token is the likeliest at its place.
    """

    log_probability: float
    n_scored: int
    is_greedy: bool = False
    text: str = ""
    last_is_greedy: bool = False


class Score(NamedTuple):
    """One number of a report.

    Attributes:
        benchmark: Name of the benchmark.
        protocol: Name and version of the protocol that produced it, such as ``paper-1``.
        metric: Name and unit, such as ``accuracy`` or ``word_perplexity``.
        value: The number.
        interval: Half-width of the 95% interval; NaN where there is none.
        n: Rows, or units of text, behind it.
        chance: What guessing gives; NaN where that has no meaning.
    """

    benchmark: str
    protocol: str
    metric: str
    value: float
    interval: float
    n: int
    chance: float


class EvaluationData(Protocol):
    """What a zero-shot task reads from its DataModule."""

    vocabulary: Tokenizer
    """The tokenizer that made the requests; there after ``setup``."""

    def judge(self, name: str, answers: Mapping[int, Answer]) -> list[Score]:
        """Scores of a benchmark under one protocol, from the answers to all its requests, by their number."""


class RequestBatch(TypedDict):
    """Requests of one benchmark under one protocol, of one kind.

    Attributes:
        name: Benchmark and protocol, as ``lambada/paper-1``.
        numbers: Number of each request in the whole list.
        requests: The requests.
    """

    name: str
    numbers: list[int]
    requests: list[Request]
