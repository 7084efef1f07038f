"""GPT-1's input transformations (§3.3, Figure 1): texts of an example to sequences with special tokens.

The ids of the special tokens follow the vocabulary: start, delimiter, extract (released code: train.py). Too
long texts lose their end, before the special tokens are added:

* one text is truncated to ``n_ctx - 2`` tokens;
* each of two texts is truncated to ``n_ctx // 2 - 2`` (released code: train.py, for a story and its endings);
* if a question follows the document (RACE), only the document is truncated, equally for all answers. Question
  and answers stay complete if they fit (tuned here: the paper does not say; a question needs its end).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gpt_toolkit.batches import Kind
from gpt_toolkit.data.supervised.tokenized_dataset import TokenizedDataset

Ids: TypeAlias = NDArray[Any]
Lengths: TypeAlias = NDArray[np.int64]

SPECIAL_TOKENS = ("start", "delimiter", "extract")
"""Names of the special tokens, in the order of their ids."""


@dataclass(frozen=True)
class SpecialTokens:
    """Ids of the special tokens.

    Args:
        start: First token of a sequence.
        delimiter: Token between two texts.
        extract: Last token of a sequence; a head reads its hidden state.
    """

    start: int
    delimiter: int
    extract: int

    @classmethod
    def after(cls, vocab_size: int) -> "SpecialTokens":
        """Return the ids that follow a vocabulary."""
        return cls(vocab_size, vocab_size + 1, vocab_size + 2)


class InputSequence(NamedTuple):
    """One sequence.

    Attributes:
        ids: Token ids, ``(T,)``.
        loss_from: First position whose next token is in the language-model loss.
    """

    ids: Ids
    loss_from: int


def classification(tokens: SpecialTokens, text: Ids) -> list[Ids]:
    """Join one text, for a class or a grade: start, text, extract."""
    return [np.concatenate([[tokens.start], text, [tokens.extract]])]


def entailment(tokens: SpecialTokens, premise: Ids, hypothesis: Ids) -> list[Ids]:
    """Join premise and hypothesis: start, premise, delimiter, hypothesis, extract."""
    return [np.concatenate([[tokens.start], premise, [tokens.delimiter], hypothesis, [tokens.extract]])]


def similarity(tokens: SpecialTokens, a: Ids, b: Ids) -> list[Ids]:
    """Join two texts in both orders; the hidden states of both sequences are added."""
    return entailment(tokens, a, b) + entailment(tokens, b, a)


def multiple_choice(tokens: SpecialTokens, document: Ids, question: Ids, *answers: Ids) -> list[Ids]:
    """Join a sequence for each answer: start, document, question, delimiter, answer, extract."""
    context = np.concatenate([document, question])
    return [sequence for answer in answers for sequence in entailment(tokens, context, answer)]


def transform(kind: Kind, tokens: SpecialTokens, texts: Sequence[Ids]) -> list[Ids]:
    """Make the ``C`` sequences of an example.

    Args:
        kind: Kind of the dataset.
        tokens: Ids of the special tokens.
        texts: Token ids of each truncated text, in the order of
            :class:`~gpt_toolkit.data.supervised.dataset.Example`.
    """
    if len(texts) == 1:
        return classification(tokens, *texts)
    if kind == "classification":
        return entailment(tokens, *texts)
    if kind == "multiple_choice":
        return multiple_choice(tokens, *texts)
    return similarity(tokens, *texts)


def truncate(lengths: Lengths, n_ctx: int) -> Lengths:
    """Compute how many tokens of each text fit into its sequence.

    Args:
        lengths: Tokens of each text, ``(examples, texts)``; more than two texts are document, question and
            answers.
        n_ctx: Longest sequence, in tokens.

    Returns:
        ``(examples, texts)``, at most ``lengths``.
    """
    half = n_ctx // 2 - 2
    if lengths.shape[1] == 1:
        return np.minimum(lengths, n_ctx - 2)
    halves = np.minimum(lengths, half)
    if lengths.shape[1] == 2:
        return halves
    space = n_ctx - 3
    kept = lengths.copy()
    kept[:, 2:] = np.minimum(lengths[:, 2:], np.maximum(half, space - lengths[:, 1:2]))
    longest = kept[:, 2:].max(axis=1)
    kept[:, 1] = np.minimum(lengths[:, 1], space - longest)
    kept[:, 0] = np.minimum(lengths[:, 0], space - longest - kept[:, 1])
    return np.where(lengths[:, 1:2] == 0, halves, kept)


def count_note(examples: NDArray[np.bool_], problem: str) -> list[str]:
    """Return a note on how many of the examples have a problem; none if no example has."""
    n = int(examples.sum())
    return [f"{n:,} of {len(examples):,} {problem}"] if n else []


class TransformedInputs:
    """The examples of a split as GPT-1's sequences.

    Args:
        examples: Texts of the examples.
        kind: Kind of the dataset.
        tokens: Ids of the special tokens.
        n_ctx: Longest sequence, in tokens.

    Attributes:
        kept: Number of tokens of each text that are in its sequence, ``(examples, texts)``.
        n_sequences: Number of sequences of an example.
        lengths: Tokens of the longest sequence of each example, ``(examples,)``.
        notes: Notes on truncated examples, for the user.
    """

    def __init__(self, examples: TokenizedDataset, kind: Kind, tokens: SpecialTokens, n_ctx: int) -> None:
        self.examples, self.kind, self.tokens = examples, kind, tokens
        self.kept = truncate(examples.lengths, n_ctx)
        is_truncated = np.any(self.kept < examples.lengths, axis=1)
        self.notes = count_note(is_truncated, f"examples are truncated to {n_ctx:,} tokens")
        n_texts = self.kept.shape[1]
        if n_texts == 1:
            self.n_sequences, self.lengths = 1, self.kept[:, 0] + 2
        elif n_texts == 2:
            self.n_sequences = 1 if kind == "classification" else 2
            self.lengths = self.kept.sum(axis=1) + 3
        else:
            self.n_sequences = n_texts - 2
            self.lengths = self.kept[:, :2].sum(axis=1) + self.kept[:, 2:].max(axis=1) + 3

    def sequences(self, index: int) -> list[InputSequence]:
        """Return the sequences of an example; every token but the first is in the language-model loss."""
        texts = zip(self.examples.texts(index), self.kept[index].tolist(), strict=True)
        truncated = [text[:kept] for text, kept in texts]
        return [InputSequence(ids, 0) for ids in transform(self.kind, self.tokens, truncated)]
