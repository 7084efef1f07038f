"""Tokens of contexts and continuations: those of the joint text, truncated by fixed rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt_toolkit.evaluation.protocol import EvaluationContext as Context
from gpt_toolkit.evaluation.protocol import examples_for
from gpt_toolkit.generation.requests import Continuation
from gpt_toolkit.tokenizers import load_tokenizer

BYTES = load_tokenizer("bytes")


@pytest.mark.parametrize(
    ("context", "text"),
    [("The dog", " ran home"), ("The dog ", "ran home"), ("It's 3", "33 o'clock"), ("a\n\n", "b")],
)
def test_the_tokens_of_both_parts_are_those_of_the_joint_text(gpt2: Context, context: str, text: str) -> None:
    before, scored = gpt2.split_ids(context, text)
    assert before + scored == gpt2.tokenizer.encode(context + text)


def test_spaces_at_the_end_of_the_context_belong_to_the_continuation(gpt2: Context) -> None:
    assert gpt2.split_ids("The dog ", "ran") == gpt2.split_ids("The dog", " ran")
    assert gpt2.tokenizer.decode(gpt2.split_ids("The dog \n", "ran")[1]) == " \nran"


def test_the_end_of_text_stands_for_an_empty_context(gpt2: Context) -> None:
    assert gpt2.split_ids("", "The dog") == ([50256], gpt2.tokenizer.encode("The dog"))


def test_gpt1_words_are_split_between_words(gpt1: Context) -> None:
    assert gpt1.split_ids("The president is", " very positive.") == ([481, 4735, 544], [963, 6353, 239])


@given(context=st.text(max_size=12), text=st.text(min_size=1, max_size=12))
def test_bytes_are_split_where_the_texts_meet(context: str, text: str) -> None:
    if not text.strip():
        return
    before, scored = Context(BYTES, 100).split_ids(context, text)
    stripped = context.rstrip()
    assert before == (list(stripped.encode()) or [256])
    assert bytes(scored) == (context + text).encode()[len(stripped.encode()) :]


@pytest.mark.parametrize(("context", "text"), [("The dog", ""), ("The dog ", " "), ("", "\n")])
def test_an_empty_continuation_is_refused(context: str, text: str) -> None:
    with pytest.raises(ValueError, match="no token; expected at least one to score"):
        Context(BYTES, 100).split_ids(context, text)


def test_a_context_that_does_not_fit_loses_its_beginning_and_is_counted() -> None:
    context = Context(BYTES, 8)
    request = context.continuation("abcdefgh", "xyz")
    assert bytes(request.context) == b"cdefgh"  # 6 + 3 tokens; the last one is never an input
    assert bytes(request.continuation) == b"xyz"
    context.continuation("abcdef", "xyz")  # fits
    assert context.warnings == {"contexts lost their beginning to fit into 8 tokens": 1}


def test_a_continuation_that_does_not_fit_loses_its_end_and_is_counted() -> None:
    context = Context(BYTES, 3)
    request = context.continuation("ab", "wxyz")
    assert (bytes(request.context), bytes(request.continuation)) == (b"b", b"wxy")
    assert context.warnings["continuations lost their end: only the first 3 tokens are scored"] == 1


def test_candidates_of_an_item_have_one_context() -> None:
    context = Context(BYTES, 8)
    requests = context.continuations("abcdefgh", ["x", "xyz"])
    assert {bytes(request.context) for request in requests if isinstance(request, Continuation)} == {
        b"cdefgh"
    }
    assert context.warnings == {"items lost the beginning of their context to fit into 8 tokens": 1}


def test_a_prompt_leaves_room_for_its_answer() -> None:
    context = Context(BYTES, 10)
    request = context.prompt("abcdefgh", max_new_tokens=4, stop=("\n",))
    assert bytes(request.ids) == b"cdefgh"
    assert request.stop == ("\n", "<|endoftext|>")
    assert context.warnings == {"prompts lost their beginning to fit into 10 tokens with the answer": 1}
    assert context.prompt("", max_new_tokens=400).max_new_tokens == 5
    assert context.warnings["answers have at most 5 tokens instead of 400"] == 1


def test_examples_are_the_same_for_all_rows_but_never_the_row_itself() -> None:
    rows = list(range(20))
    examples = examples_for(rows, 3, seed=1)
    usual = examples(-1)
    assert len(usual) == 3
    for i in rows:
        assert len(examples(i)) == 3
        assert i not in examples(i)
        assert i in usual or examples(i) == usual
    assert examples_for(rows, 3, seed=2)(-1) != usual
    assert examples_for(rows, 0, seed=1)(4) == []
