"""Labeled examples in readable form: tokens, special tokens, truncation, and the tokens that are learned."""

from collections.abc import Sequence

import numpy as np

from gpt_toolkit.batches import IGNORE_INDEX, TaskSpec
from gpt_toolkit.data.supervised.batching import BatchBuilder, pad
from gpt_toolkit.data.supervised.input_transforms import SPECIAL_TOKENS, InputSequence
from gpt_toolkit.tokenizers import Tokenizer

FIRST, LAST = 32, 16
"""Numbers of tokens that are shown of a long text: those at its beginning and at its end."""

_ORDERS = ("in this order: ", "and in the other, to whose state it is added: ")


def show_tokens(ids: Sequence[int], vocabulary: Tokenizer) -> str:
    """Return token ids as text with a bar between two; the middle of long texts is left out."""
    size, shown = vocabulary.vocab_size, ""
    text: list[int] = []
    for i in map(int, ids):
        if i < size:
            text.append(i)
        else:
            shown += f"{_show_text(text, vocabulary)}<{SPECIAL_TOKENS[i - size]}>"
            text = []
    return shown + _show_text(text, vocabulary)


def _show_text(ids: list[int], vocabulary: Tokenizer) -> str:
    def joined(some: list[int]) -> str:
        return "|".join(vocabulary.decode([i]).replace("\n", "\\n") for i in some)

    n_left_out = len(ids) - FIRST - LAST
    if n_left_out <= 0:
        return joined(ids)
    return f"{joined(ids[:FIRST])} ... {n_left_out:,} more tokens ... {joined(ids[-LAST:])}"


def show_example(builder: BatchBuilder, index: int, vocabulary: Tokenizer) -> list[str]:
    """Describe an example in lines: number and label, texts and their truncation, sequences, loss.

    Args:
        builder: The split of a dataset.
        index: Index among all examples of the split.
        vocabulary: Tokenizer of the examples.
    """
    inputs = builder.inputs
    kept, lengths = inputs.kept[index].tolist(), inputs.examples.lengths[index].tolist()
    texts = [
        f"{name} {length:,}" + (f", cut to {n_kept:,}" if n_kept < length else "")
        for name, length, n_kept in zip(_text_names(builder.spec, len(lengths)), lengths, kept, strict=False)
        if length
    ]
    sequences = inputs.sequences(index)
    title = f"example {inputs.examples.numbers[index]}: {_label(builder, index)}"
    lines = [title, f"tokens: {'; '.join(texts)}"]
    for number, sequence in enumerate(sequences):
        name = ""
        if builder.spec.kind == "multiple_choice":
            examples = inputs.examples
            is_right = examples.has_target[index] and number == examples.targets[index]
            name = f"answer {number}{' (right)' if is_right else ''}: "
        elif len(sequences) == 2:
            name = _ORDERS[number]
        lines.append(f"{name}{show_tokens(sequence.ids.tolist(), vocabulary)}")
    if builder.answers == "text":
        lines.append(_loss(builder, sequences[0], vocabulary))
    return lines


def _text_names(spec: TaskSpec, n_texts: int) -> Sequence[str]:
    if spec.kind == "text":
        return ("prompt to the end of its input", "rest of the prompt", "answer")
    if spec.kind == "multiple_choice":
        return ("document", "question", *(f"answer {i}" for i in range(n_texts - 2)))
    return ("text",) if n_texts == 1 else ("first text", "second text")


def _label(builder: BatchBuilder, index: int) -> str:
    examples, spec = builder.inputs.examples, builder.spec
    target = examples.targets[index]
    if builder.answers == "text":
        references = examples.references[index]
        return f"the answer is {' or '.join(map(repr, references))}" if references else "no answer"
    if not examples.has_target[index]:
        return "no label"
    if builder.answers == "grade":
        return f"graded {target:g}, of {spec.labels[0]} to {spec.labels[-1]}"
    return spec.labels[int(target)] if spec.labels else f"answer {int(target)} is right"


def _loss(builder: BatchBuilder, sequence: InputSequence, vocabulary: Tokenizer) -> str:
    """Describe the tokens that are learned, with their places in the sequence, from 1."""
    n_tokens = len(sequence.ids)
    if builder.has_references:
        return f"to be answered after {n_tokens:,} tokens, by {builder.spec.max_new_tokens} at most"
    _, labels, _ = pad([[sequence]], builder.n_ctx)  # (1, 1, T)
    places = np.flatnonzero(labels[0, 0] != IGNORE_INDEX)
    learned = show_tokens(labels[0, 0, places].tolist(), vocabulary)
    first, last = int(places[0]) + 2, int(places[-1]) + 2  # a position predicts the token after it
    return f"loss on tokens {first:,} to {last:,} of {n_tokens:,}: {learned}"
