"""Contexts and continuations become the tokens of the joint text, cut by stated rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt_toolkit.evaluation.build_requests import (
    Remarks,
    Setting,
    alternatives,
    continuation,
    prompt,
    split_ids,
)
from gpt_toolkit.tokenizers import load_tokenizer

BYTES = load_tokenizer("bytes")


def test_the_tokens_of_both_parts_are_those_of_the_joint_text(gpt2: Setting) -> None:
    for context, text in [
        ("The dog", " ran home"),
        ("The dog ", "ran home"),
        ("It's 3", "33 o'clock"),
        ("a\n\n", "b"),
    ]:
        before, scored = split_ids(gpt2, context, text)
        assert before + scored == gpt2.vocabulary.encode(context + text)


def test_blanks_at_the_end_of_the_context_belong_to_the_continuation(gpt2: Setting) -> None:
    assert split_ids(gpt2, "The dog ", "ran") == split_ids(gpt2, "The dog", " ran")
    assert gpt2.vocabulary.decode(split_ids(gpt2, "The dog \n", "ran")[1]) == " \nran"


def test_the_end_of_text_stands_for_an_empty_context(gpt2: Setting) -> None:
    before, scored = split_ids(gpt2, "", "The dog")
    assert before == [50256]
    assert scored == gpt2.vocabulary.encode("The dog")


def test_gpt1_words_are_split_between_words(gpt1: Setting) -> None:
    before, scored = split_ids(gpt1, "The president is", " very positive.")
    assert before == [481, 4735, 544]
    assert scored == [963, 6353, 239]


@given(context=st.text(max_size=12), text=st.text(min_size=1, max_size=12))
def test_bytes_are_split_where_the_texts_meet(context: str, text: str) -> None:
    if not text.strip():
        return
    before, scored = split_ids(Setting(BYTES, 100), context, text)
    kept = context.rstrip()
    assert before == (list(kept.encode()) or [256])
    assert bytes(scored) == (context + text).encode()[len(kept.encode()) :]


@pytest.mark.parametrize(("context", "text"), [("The dog", ""), ("The dog ", " "), ("", "\n")])
def test_an_empty_continuation_is_refused(context: str, text: str) -> None:
    with pytest.raises(ValueError, match="no token of its own"):
        split_ids(Setting(BYTES, 100), context, text)


def test_a_context_that_does_not_fit_loses_its_beginning_and_is_counted() -> None:
    remarks = Remarks()
    request = continuation(Setting(BYTES, 8), remarks, "abcdefgh", "xyz")
    assert bytes(request.context) == b"cdefgh"  # 6 + 3 tokens, of which the last is never an input
    assert bytes(request.continuation) == b"xyz"
    assert remarks.lines() == ["1 contexts lost their beginning to fit into 8 tokens"]
    assert not continuation(Setting(BYTES, 8), Remarks(), "abcdef", "xyz").excluded


def test_a_continuation_that_does_not_fit_loses_its_end_and_is_counted() -> None:
    remarks = Remarks()
    request = continuation(Setting(BYTES, 3), remarks, "ab", "wxyz")
    assert bytes(request.context) == b"b"
    assert bytes(request.continuation) == b"wxy"
    assert "1 continuations lost their end" in remarks.lines()[0]


def test_candidates_of_a_row_keep_one_context() -> None:
    remarks = Remarks()
    requests = alternatives(Setting(BYTES, 8), remarks, "abcdefgh", ["x", "xyz"])
    assert {bytes(request.context) for request in requests} == {b"cdefgh"}
    assert remarks.lines() == ["1 rows lost their context's beginning to fit into 8 tokens"]


def test_a_prompt_leaves_room_for_its_answer() -> None:
    remarks = Remarks()
    request = prompt(Setting(BYTES, 10), remarks, "abcdefgh", max_new_tokens=4, stop=("\n",))
    assert bytes(request.ids) == b"cdefgh"
    assert request.stop == ("\n", "<|endoftext|>")
    assert "1 prompts lost their beginning" in remarks.lines()[0]
    assert prompt(Setting(BYTES, 10), remarks, "", max_new_tokens=400).max_new_tokens == 5
