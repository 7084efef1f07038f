"""Rows taken as text: end of text, examples in context, prompt, answer, end of text (GPT-2 §2).

Where a sequence would be too long, examples are left out, the first of them first; then the row's input loses
its tail. In evaluation a sequence ends with its prompt, and there is room for the answer after it.
"""

from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gpt_toolkit.data.supervised.input_transforms import Input, Lengths, counted
from gpt_toolkit.data.supervised.tokenized_rows import EncodedRows
from gpt_toolkit.data.window_order import permutation

LossOn: TypeAlias = Literal["target", "all"]
"""Where the language-model loss is due: on the answer and the end of text after it, or on all tokens."""


class Shots:
    """Which rows stand before a row, with their answers: examples in context.

    Args:
        rows: The training rows, encoded as prompts with their answers.
        chosen: Which of them each row gets, ``(rows, k)``.
        separator: Token ids between an example and what follows.
    """

    def __init__(self, rows: EncodedRows, chosen: Lengths, separator: NDArray[Any]) -> None:
        self.rows, self.chosen, self.separator = rows, chosen, separator

    @property
    def lengths(self) -> Lengths:
        """Tokens of each example with its separator, ``(rows, k)``."""
        whole: Lengths = self.rows.lengths.sum(axis=1) + len(self.separator)
        return whole[self.chosen]


def choose_shots(
    train: Lengths, n_rows: int, n_examples: int, label: tuple[object, ...], own: Lengths | None
) -> Lengths:
    """Choose training rows to stand before each row.

    They are neighbors in one random order of the training rows, so they differ from one another, and a row is
    never its own example.

    Args:
        train: Indices of the training rows that may be chosen.
        n_rows: Rows to choose for.
        n_examples: Examples a row, k.
        label: Names the random order: seed, set, split.
        own: Index of each row where they are training rows themselves.

    Returns:
        ``(n_rows, k)``.

    Raises:
        ValueError: If there are no more training rows than examples.
    """
    if len(train) <= n_examples:
        raise ValueError(
            f"n_examples is {n_examples}, but there are only {len(train)} training rows to choose from."
        )
    order = train[permutation(len(train), *label, "examples")]
    starts = permutation(max(n_rows, len(train)), *label, "first example")[:n_rows]
    found: Lengths = order[(starts[:, None] + np.arange(n_examples + 1)) % len(train)]
    if own is None:
        return found[:, :n_examples]
    others_first = np.argsort(found == own[:, None], axis=1, kind="stable")
    return np.take_along_axis(found, others_first, axis=1)[:, :n_examples]


class TextInputs:
    """The rows of a split as text.

    Args:
        rows: Prompt up to the end of its input, rest of the prompt, answer.
        end_of_text: Begins and ends a sequence.
        n_ctx: Longest sequence, in tokens.
        loss_on: Where the loss is due.
        room: Tokens to be generated after the prompt; None: the answer is in the sequence, to be learned.
        shots: Examples in context.
    """

    n_sequences = 1

    def __init__(
        self,
        rows: EncodedRows,
        end_of_text: int,
        n_ctx: int,
        loss_on: LossOn,
        room: int | None = None,
        shots: Shots | None = None,
    ) -> None:
        self.rows, self.loss_on, self.shots = rows, loss_on, shots
        self._end = np.array([end_of_text])
        self._answers = room is None
        head, rest, answer = rows.lengths.T
        answer_kept = np.minimum(answer, n_ctx // 2) if room is None else np.zeros_like(answer)
        space = n_ctx - 1 - (answer_kept + 1 if room is None else room)
        rest_kept = np.minimum(rest, space)
        head_kept = np.minimum(head, space - rest_kept)
        self.kept = np.stack([head_kept, rest_kept, answer_kept], axis=1)
        wanted = rows.lengths if room is None else rows.lengths[:, :2]
        self.remarks = counted(
            np.any(self.kept[:, : wanted.shape[1]] < wanted, axis=1), f"rows are cut to {n_ctx:,} tokens"
        )
        self.lengths = self.kept.sum(axis=1) + (2 if room is None else 1)
        if shots is not None:
            from_last = np.cumsum(shots.lengths[:, ::-1], axis=1)
            fits = from_last <= (space - rest_kept - head_kept)[:, None]
            self._n_shots = fits.sum(axis=1)
            self.lengths = self.lengths + np.where(fits, shots.lengths[:, ::-1], 0).sum(axis=1)
            few = self._n_shots < shots.chosen.shape[1]
            self.remarks += counted(few, "rows have room for fewer examples in context")

    def sequences(self, index: int) -> list[Input]:
        """The one sequence of a row."""
        head, rest, answer = self.rows.texts(index)
        n_head, n_rest, n_answer = self.kept[index].tolist()
        pieces = [self._end]
        if self.shots is not None and (n_shots := int(self._n_shots[index])):
            for shot in self.shots.chosen[index, -n_shots:].tolist():
                pieces += [*self.shots.rows.texts(shot), self.shots.separator]
        pieces += [head[:n_head], rest[len(rest) - n_rest :]]  # the end of a prompt asks for the answer
        prompt = sum(map(len, pieces))
        if not self._answers:
            return [Input(np.concatenate(pieces), prompt)]
        ids = np.concatenate([*pieces, answer[:n_answer], self._end])
        return [Input(ids, prompt - 1 if self.loss_on == "target" else 0)]
