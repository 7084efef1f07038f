"""Examples in plain text, compared with GPT-1's Figure 1."""

from pathlib import Path

import numpy as np
import pytest

from gpt_toolkit.batches import TaskSpec
from gpt_toolkit.data.supervised.batching import BatchBuilder
from gpt_toolkit.data.supervised.dataset import Example
from gpt_toolkit.data.supervised.input_transforms import SpecialTokens, TransformedInputs
from gpt_toolkit.data.supervised.inspect_examples import show_example, show_tokens
from gpt_toolkit.data.supervised.prompt_inputs import PromptInputs
from gpt_toolkit.data.supervised.prompt_templates import prompt_template
from tests.data.fakes import FakeDataset, encoded, spec, tokenizer


def shown(description: TaskSpec, example: Example, root: Path, n_ctx: int = 100) -> list[str]:
    rows = encoded(FakeDataset(description, {"train": [example]}), root)
    inputs = TransformedInputs(rows, description.kind, SpecialTokens.after(257), n_ctx)
    answers = "grade" if description.kind == "graded" else "class"
    return show_example(
        BatchBuilder(description, inputs, np.arange(1), answers, n_ctx, False),  # type: ignore[arg-type]
        0,
        tokenizer(),
    )


def text_shown(
    example: Example, root: Path, loss_on: str = "target", max_new_tokens: int | None = None
) -> list[str]:
    description = spec("mine", "text", labels=(), max_new_tokens=5)
    rows = encoded(
        FakeDataset(description, {"train": [example]}), root, template=prompt_template(description, 1, " so?")
    )
    inputs = PromptInputs(rows, 256, 30, loss_on, max_new_tokens)  # type: ignore[arg-type]
    task_rows = BatchBuilder(description, inputs, np.arange(1), "text", 30, max_new_tokens is not None)
    return show_example(task_rows, 0, tokenizer())


def test_two_texts_are_shown_with_their_delimiter_and_label(tmp_path: Path) -> None:
    assert shown(spec("nli"), Example(("ab", "c"), 1, 7), tmp_path) == [
        "example 7: yes",
        "tokens: first text 2; second text 1",
        "<start>a|b<delimiter>c<extract>",
    ]


def test_both_orders_of_a_pair_are_shown(tmp_path: Path) -> None:
    graded = spec("sts", "graded", labels=tuple("012345"))
    assert shown(graded, Example(("ab", "c"), 3.8, 0), tmp_path) == [
        "example 0: graded 3.8, of 0 to 5",
        "tokens: first text 2; second text 1",
        "in this order: <start>a|b<delimiter>c<extract>",
        "and in the other, to whose state it is added: <start>c<delimiter>a|b<extract>",
    ]


def test_each_candidate_is_shown_and_the_right_one_named(tmp_path: Path) -> None:
    choice = spec("choice", "multiple_choice", labels=(), choices=2)
    assert shown(choice, Example(("ab", "?", "d", "e"), 1, 0), tmp_path) == [
        "example 0: answer 1 is right",
        "tokens: document 2; question 1; answer 0 1; answer 1 1",
        "answer 0: <start>a|b|?<delimiter>d<extract>",
        "answer 1 (right): <start>a|b|?<delimiter>e<extract>",
    ]


def test_it_is_said_where_a_text_was_cut(tmp_path: Path) -> None:
    lines = shown(spec("nli"), Example(("a" * 9, "b" * 8), None, 0), tmp_path, n_ctx=20)
    assert lines[:2] == ["example 0: no label", "tokens: first text 9, cut to 8; second text 8"]
    assert lines[2] == f"<start>{'|'.join('a' * 8)}<delimiter>{'|'.join('b' * 8)}<extract>"


def test_the_middle_of_a_long_stretch_is_left_out_but_no_mark() -> None:
    ids = [257, *[97] * 60, 258, 98, 259]
    line = show_tokens(ids, tokenizer())
    assert line == (
        f"<start>{'|'.join('a' * 32)} ... 12 more tokens ... {'|'.join('a' * 16)}<delimiter>b<extract>"
    )


@pytest.mark.parametrize(
    ("loss_on", "learned"),
    [
        ("target", "loss on tokens 8 to 12 of 12:  |y|e|s|<|endoftext|>"),
        ("all", "loss on tokens 2 to 12 of 12: i|n"),
    ],
)
def test_prompt_answer_and_the_places_of_the_loss_are_shown(
    loss_on: str, learned: str, tmp_path: Path
) -> None:
    lines = text_shown(Example(("in",), 0, 0, references=("yes",)), tmp_path, loss_on)
    assert lines[:2] == [
        "example 0: the answer is 'yes'",
        "tokens: prompt to the end of its input 2; rest of the prompt 4; answer 4",
    ]
    assert lines[2] == "<|endoftext|>|i|n| |s|o|?| |y|e|s|<|endoftext|>"
    assert lines[3].startswith(learned)


def test_a_row_to_be_answered_says_how_long_the_answer_may_be(tmp_path: Path) -> None:
    lines = text_shown(Example(("in",), 0, 0, references=("yes", "yea")), tmp_path, max_new_tokens=5)
    assert lines[0] == "example 0: the answer is 'yes' or 'yea'"
    assert lines[-1] == "to be answered after 7 tokens, by 5 at most"
