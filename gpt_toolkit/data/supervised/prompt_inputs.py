"""Examples as text: end of text, examples in context, prompt, answer, end of text (GPT-2 §2).

If a sequence would be too long, examples in context are left out, the first one first; then the input of the
example loses its end. In evaluation a sequence ends with its prompt and leaves space for the answer.
"""

from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gpt_toolkit.data.permutation import permutation
from gpt_toolkit.data.supervised.input_transforms import InputSequence, Lengths, count_note
from gpt_toolkit.data.supervised.tokenized_dataset import TokenizedDataset

LossOn: TypeAlias = Literal["target", "all"]
"""Tokens in the language-model loss: the answer and the end of text after it, or all tokens."""


class Shots(NamedTuple):
    """Examples in context: training examples, with answers, before each example.

    Attributes:
        examples: Training examples, encoded as prompts with their answers.
        chosen: Indices of those before each example, ``(examples, k)``.
        separator: Token ids after each example in context.
    """

    examples: TokenizedDataset
    chosen: Lengths
    separator: NDArray[Any]

    @property
    def lengths(self) -> Lengths:
        """Tokens of each example in context with its separator, ``(examples, k)``."""
        lengths: Lengths = self.examples.lengths.sum(axis=1) + len(self.separator)
        return lengths[self.chosen]


def choose_shots(
    train: Lengths, n: int, n_shots: int, label: tuple[object, ...], indices: Lengths | None
) -> Lengths:
    """Choose the examples in context of each example.

    They are neighbors in one random order of the training examples. So they differ, and an example is never
    in its own context.

    Args:
        train: Indices of the training examples to choose from.
        n: Number of examples to choose for.
        n_shots: Examples in context of each, k.
        label: Name of the random order: seed, dataset, split.
        indices: Index of each example among the training examples, if they are training examples.

    Returns:
        ``(n, k)``.

    Raises:
        ValueError: If there are not more training examples than examples in context.
    """
    if len(train) <= n_shots:
        raise ValueError(
            f"n_examples: {n_shots}; expected at most {len(train)}, the training examples to choose from"
        )
    order = train[permutation(len(train), *label, "examples")]
    starts = permutation(max(n, len(train)), *label, "first example")[:n]
    found: Lengths = order[(starts[:, None] + np.arange(n_shots + 1)) % len(train)]
    if indices is None:
        return found[:, :n_shots]
    others_first = np.argsort(found == indices[:, None], axis=1, kind="stable")
    return np.take_along_axis(found, others_first, axis=1)[:, :n_shots]


class PromptInputs:
    """The examples of a split as text.

    Args:
        examples: Texts: the prompt up to the end of its input, the rest of the prompt, the answer.
        end_of_text: Id of the token at the beginning and the end of a sequence.
        n_ctx: Longest sequence, in tokens.
        loss_on: Tokens in the loss.
        max_new_tokens: Space for the answer after the prompt; None: the answer is in the sequence.
        shots: Examples in context.
    """

    n_sequences = 1

    def __init__(
        self,
        examples: TokenizedDataset,
        end_of_text: int,
        n_ctx: int,
        loss_on: LossOn,
        max_new_tokens: int | None = None,
        shots: Shots | None = None,
    ) -> None:
        self.examples, self.loss_on, self.shots = examples, loss_on, shots
        self._end = np.array([end_of_text])
        self._has_answers = max_new_tokens is None
        head, rest, answer = examples.lengths.T
        if max_new_tokens is None:
            answer_kept, n_end, space = np.minimum(answer, n_ctx // 2), 2, n_ctx - 2
        else:
            answer_kept, n_end, space = np.zeros_like(answer), 1, n_ctx - 1 - max_new_tokens
        space = space - answer_kept
        rest_kept = np.minimum(rest, space)
        head_kept = np.minimum(head, space - rest_kept)
        self.kept = np.stack([head_kept, rest_kept, answer_kept], axis=1)
        n_texts = 3 if self._has_answers else 2
        is_truncated = np.any(self.kept[:, :n_texts] < examples.lengths[:, :n_texts], axis=1)
        self.notes = count_note(is_truncated, f"examples are truncated to {n_ctx:,} tokens")
        self.lengths = self.kept.sum(axis=1) + n_end
        if shots is not None:
            from_last = np.cumsum(shots.lengths[:, ::-1], axis=1)
            fits = from_last <= (space - rest_kept - head_kept)[:, None]
            self._n_shots = fits.sum(axis=1)
            self.lengths = self.lengths + np.where(fits, shots.lengths[:, ::-1], 0).sum(axis=1)
            has_fewer = self._n_shots < shots.chosen.shape[1]
            self.notes += count_note(has_fewer, "examples have space for fewer examples in context")

    def sequences(self, index: int) -> list[InputSequence]:
        """Return the one sequence of an example."""
        head, rest, answer = self.examples.texts(index)
        n_head, n_rest, n_answer = self.kept[index].tolist()
        pieces = [self._end]
        if self.shots is not None and (n_shots := int(self._n_shots[index])):
            for shot in self.shots.chosen[index, -n_shots:].tolist():
                pieces += [*self.shots.examples.texts(shot), self.shots.separator]
        pieces += [head[:n_head], rest[len(rest) - n_rest :]]  # the end of a prompt asks for the answer
        n_prompt = sum(map(len, pieces))
        if not self._has_answers:
            return [InputSequence(np.concatenate(pieces), n_prompt)]
        ids = np.concatenate([*pieces, answer[:n_answer], self._end])
        return [InputSequence(ids, n_prompt - 1 if self.loss_on == "target" else 0)]
