"""A row of a labelled set as people can read it: tokens, marks, where it was cut, what is learned of it."""

from collections.abc import Sequence

import numpy as np

from gpt_toolkit.batches import IGNORE_INDEX, TaskSpec
from gpt_toolkit.data.supervised.batching import TaskRows, pad
from gpt_toolkit.data.supervised.input_transforms import MARKS, Input
from gpt_toolkit.tokenizers import Tokenizer

FIRST, LAST = 32, 16
"""Tokens that are shown of a long stretch between two marks: those at its beginning and at its end."""


def tokens_shown(ids: Sequence[int], vocabulary: Tokenizer) -> str:
    """Token ids as text, a bar between two, marks by name; the middle of a long stretch is left out."""
    size, shown = vocabulary.vocab_size, ""
    run: list[int] = []
    for i in [*map(int, ids), None]:
        if i is not None and i < size:
            run.append(i)
            continue
        shown += _stretch(run, vocabulary)
        shown, run = shown + ("" if i is None else f"<{MARKS[i - size]}>"), []
    return shown


def _stretch(ids: list[int], vocabulary: Tokenizer) -> str:
    def joined(some: list[int]) -> str:
        return "|".join(vocabulary.decode([i]).replace("\n", "\\n") for i in some)

    left_out = len(ids) - FIRST - LAST
    if left_out <= 0:
        return joined(ids)
    return f"{joined(ids[:FIRST])} ... {left_out:,} more tokens ... {joined(ids[-LAST:])}"


def row_shown(rows: TaskRows, index: int, vocabulary: Tokenizer) -> list[str]:
    """A row: its number and label, its texts and where they were cut, its sequences, where loss is due.

    Args:
        rows: The split of a set.
        index: Among all rows of the split.
        vocabulary: The tokenizer of the rows.
    """
    kept, lengths = rows.inputs.kept[index].tolist(), rows.inputs.rows.lengths[index].tolist()
    names = _text_names(rows.spec, len(lengths))
    parts = [
        f"{name} {length:,}" + (f", cut to {left:,}" if left < length else "")
        for name, length, left in zip(names, lengths, kept, strict=False)
        if length
    ]
    sequences = rows.inputs.sequences(index)
    shown = [f"row {rows.inputs.rows.numbers[index]}: {_label(rows, index)}", f"tokens: {'; '.join(parts)}"]
    for number, one in enumerate(sequences):
        shown.append(f"{_sequence_name(rows, index, number)}{tokens_shown(one.ids.tolist(), vocabulary)}")
    if rows.answers == "text":
        shown.append(_loss(rows, sequences[0], index, vocabulary))
    return shown


def _text_names(spec: TaskSpec, n_texts: int) -> Sequence[str]:
    if spec.kind == "text":
        return ("prompt to the end of its input", "rest of the prompt", "answer")
    if spec.kind == "multiple_choice":
        return ("document", "question", *(f"answer {i}" for i in range(n_texts - 2)))
    return ("text",) if n_texts == 1 else ("first text", "second text")


def _label(rows: TaskRows, index: int) -> str:
    target, spec = rows.inputs.rows.targets[index], rows.spec
    if rows.answers == "text":
        references = rows.inputs.rows.references[index]
        return f"the answer is {' or '.join(map(repr, references))}" if references else "no answer"
    if np.isnan(target):
        return "no label"
    if rows.answers == "grade":
        return f"graded {target:g}, of {spec.labels[0]} to {spec.labels[-1]}"
    return spec.labels[int(target)] if spec.labels else f"answer {int(target)} is right"


_ORDERS = ("in this order: ", "and in the other, to whose state it is added: ")


def _sequence_name(rows: TaskRows, index: int, number: int) -> str:
    kind = rows.spec.kind
    if kind == "multiple_choice":
        right = number == rows.inputs.rows.targets[index]
        return f"answer {number}{' (right)' if right else ''}: "
    return _ORDERS[number] if kind in ("similarity", "graded") else ""


def _loss(rows: TaskRows, one: Input, index: int, vocabulary: Tokenizer) -> str:
    """Which tokens are learned, with their places in the sequence."""
    if rows.references:
        return f"to be answered after {len(one.ids):,} tokens, by {rows.spec.max_new_tokens} at most"
    _, labels, _ = pad([[one]], rows.n_ctx)  # (1, 1, T)
    places = np.flatnonzero(labels[0, 0] != IGNORE_INDEX)
    learned = labels[0, 0, places].tolist()
    first, last = int(places[0]) + 2, int(places[-1]) + 2  # a place predicts the token after it; from 1
    return f"loss on tokens {first:,} to {last:,} of {len(one.ids):,}: {tokens_shown(learned, vocabulary)}"
