"""GPT-1's input transformations (§3.3, Figure 1): the texts of a row become sequences with marks.

Token ids of the marks follow the vocabulary's own: start, delimiter, extract (released code: train.py). Where
a text has to give way it loses its tail, before the marks are added:

* one text keeps ``n_ctx - 2`` tokens;
* each of two texts keeps ``n_ctx // 2 - 2`` (released code: train.py, which so cuts a story and its endings);
* where a question stands between document and answers (RACE), the document alone gives way, for all answers
  alike; question and answers stay whole where they fit (ours: the paper does not say, and a question without
  its end asks nothing).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gpt_toolkit.batches import Kind
from gpt_toolkit.data.supervised.tokenized_rows import EncodedRows
from gpt_toolkit.tokenizers import Tokenizer

Ids: TypeAlias = NDArray[Any]
Lengths: TypeAlias = NDArray[np.int64]

MARKS = ("start", "delimiter", "extract")
"""The marks, in the order of their ids."""


@dataclass(frozen=True)
class Marks:
    """Token ids of the three marks.

    Args:
        start: Begins a sequence.
        delimiter: Stands between two texts.
        extract: Ends a sequence; its hidden state is what a head reads.
    """

    start: int
    delimiter: int
    extract: int

    @classmethod
    def after(cls, vocab_size: int) -> "Marks":
        """Those that follow a vocabulary of this many ids."""
        return cls(vocab_size, vocab_size + 1, vocab_size + 2)


class Input(NamedTuple):
    """One sequence.

    Attributes:
        ids: Token ids, ``(T,)``.
        loss_from: First position whose next token the language-model loss counts.
    """

    ids: Ids
    loss_from: int


class Inputs(Protocol):
    """The rows of a split as sequences."""

    @property
    def rows(self) -> EncodedRows:
        """Targets, numbers and parts of the rows."""

    @property
    def kept(self) -> Lengths:
        """How many tokens of each text are kept, ``(rows, texts)``."""

    @property
    def n_sequences(self) -> int:
        """Sequences a row."""

    @property
    def lengths(self) -> Lengths:
        """Tokens of the longest sequence of each row, ``(rows,)``."""

    @property
    def remarks(self) -> list[str]:
        """What gave way because a row is too long."""

    def sequences(self, index: int) -> list[Input]:
        """The sequences of a row."""


def classification(marks: Marks, text: Ids) -> list[Ids]:
    """One text: start, text, extract."""
    return [np.concatenate([[marks.start], text, [marks.extract]])]


def entailment(marks: Marks, premise: Ids, hypothesis: Ids) -> list[Ids]:
    """Premise and hypothesis: start, premise, delimiter, hypothesis, extract."""
    return [np.concatenate([[marks.start], premise, [marks.delimiter], hypothesis, [marks.extract]])]


def similarity(marks: Marks, a: Ids, b: Ids) -> list[Ids]:
    """Two texts of which neither comes first: both orders, whose extract states are added."""
    return entailment(marks, a, b) + entailment(marks, b, a)


def multiple_choice(marks: Marks, document: Ids, question: Ids, *answers: Ids) -> list[Ids]:
    """A sequence an answer: start, document, question, delimiter, answer, extract."""
    context = np.concatenate([document, question])
    return [sequence for answer in answers for sequence in entailment(marks, context, answer)]


def sequences(kind: Kind, marks: Marks, texts: Sequence[Ids]) -> list[Ids]:
    """The sequences of a row.

    Args:
        kind: Of the set.
        marks: Ids of the marks.
        texts: Token ids of each text, cut already, as :class:`~gpt_toolkit.data.supervised.example.Example`
            orders them.

    Returns:
        ``C`` sequences.
    """
    if kind == "classification":
        return classification(marks, *texts) if len(texts) == 1 else entailment(marks, *texts)
    if kind == "multiple_choice":
        return multiple_choice(marks, *texts)
    return similarity(marks, *texts)


def fit(lengths: Lengths, n_ctx: int) -> Lengths:
    """How much of each text is kept.

    Args:
        lengths: Tokens of each text, ``(rows, texts)``; more than two texts are document, question and
            answers.
        n_ctx: Longest sequence, in tokens.

    Returns:
        ``(rows, texts)``, at most ``lengths``.
    """
    half = n_ctx // 2 - 2
    if lengths.shape[1] == 1:
        return np.minimum(lengths, n_ctx - 2)
    halves = np.minimum(lengths, half)
    if lengths.shape[1] == 2:
        return halves
    room = n_ctx - 3
    kept = lengths.copy()
    kept[:, 2:] = np.minimum(lengths[:, 2:], np.maximum(half, room - lengths[:, 1:2]))
    longest = kept[:, 2:].max(axis=1)
    kept[:, 1] = np.minimum(lengths[:, 1], room - longest)
    kept[:, 0] = np.minimum(lengths[:, 0], room - longest - kept[:, 1])
    return np.where(lengths[:, 1:2] == 0, halves, kept)


def counted(rows: NDArray[np.bool_], what: str) -> list[str]:
    """How many of the rows something happened to; nothing if to none."""
    n = int(rows.sum())
    return [f"{n:,} of {len(rows):,} {what}"] if n else []


class MarkedInputs:
    """The rows of a split with marks.

    Args:
        rows: Their texts.
        kind: Of the set.
        marks: Ids of the marks.
        n_ctx: Longest sequence, in tokens.
    """

    def __init__(self, rows: EncodedRows, kind: Kind, marks: Marks, n_ctx: int) -> None:
        self.rows, self.kind, self.marks = rows, kind, marks
        self.kept = fit(rows.lengths, n_ctx)
        self.remarks = counted(np.any(self.kept < rows.lengths, axis=1), f"rows are cut to {n_ctx:,} tokens")
        texts = self.kept.shape[1]
        if texts == 1:
            self.n_sequences, self.lengths = 1, self.kept[:, 0] + 2
        elif texts == 2:
            self.n_sequences = 1 if kind == "classification" else 2
            self.lengths = self.kept.sum(axis=1) + 3
        else:
            self.n_sequences = texts - 2
            self.lengths = self.kept[:, :2].sum(axis=1) + self.kept[:, 2:].max(axis=1) + 3

    def sequences(self, index: int) -> list[Input]:
        """The sequences of a row; every token but the first is a label of the language-model loss."""
        texts = [
            text[:kept] for text, kept in zip(self.rows.texts(index), self.kept[index].tolist(), strict=True)
        ]
        return [Input(ids, 0) for ids in sequences(self.kind, self.marks, texts)]


def describe(ids: Sequence[int], vocabulary: Tokenizer) -> str:
    """A sequence in plain text, its marks as ``<start>``, ``<delimiter>`` and ``<extract>``."""
    size = vocabulary.vocab_size
    shown, run = [], []
    for i in ids:
        if i < size:
            run.append(int(i))
            continue
        shown += [vocabulary.decode(run)] if run else []
        shown, run = [*shown, f"<{MARKS[i - size]}>"], []
    shown += [vocabulary.decode(run)] if run else []
    return " ".join(shown)
