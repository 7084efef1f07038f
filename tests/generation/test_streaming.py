from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gpt_toolkit.generation import Sampling, StreamedText
from gpt_toolkit.generation.language_model import LanguageModel
from gpt_toolkit.tokenizers import ByteTokenizer, Tokenizer, load_tokenizer
from tests.generation.conftest import small_model

BYTES = load_tokenizer("bytes")
GREEDY = Sampling(temperature=0.0)


def gpt1_words() -> Tokenizer:
    """Return a vocabulary in GPT-1's form, without merges."""
    pieces = [*"abcdeno.", *(f"{letter}</w>" for letter in "abcdeno."), "<unk>", "\n</w>"]
    files = {
        "vocab_40000.bpe": "#version: 0.2\n",
        "encoder_bpe_40000.json": json.dumps({piece: i for i, piece in enumerate(pieces)}),
        "tokenizer_config.json": '{"word_splitting": "rules"}',
    }
    return load_tokenizer(files)


def pieces_of(answer: StreamedText, tokens: Sequence[int]) -> list[str]:
    pieces = []
    for token in tokens:
        pieces.append(answer.add(token))
        if answer.ended:
            break
    pieces = [piece for piece in (*pieces, answer.end()) if piece]
    assert "".join(pieces) == answer.text
    return pieces


def test_a_character_comes_with_the_last_of_its_bytes() -> None:
    text = "a é 世 👋"
    answer = StreamedText(BYTES, "Say: ")
    assert pieces_of(answer, BYTES.encode(text)) == list(text)
    assert (answer.ended, answer.n_tokens) == ("length", len(text.encode()))


def test_bytes_that_are_no_character_are_replaced() -> None:
    assert "".join(pieces_of(StreamedText(BYTES, ""), b"a\xffb\xe4\xb8")) == "a\ufffdb\ufffd"


def test_an_answer_ends_with_the_end_of_text_token() -> None:
    answer = StreamedText(BYTES, "x")
    assert pieces_of(answer, [*b"yes", BYTES.end_of_text, *b"no"]) == ["y", "e", "s"]
    assert (answer.ended, answer.n_tokens) == ("end_of_text", 4)


def test_an_answer_ends_with_any_token_that_the_model_s_files_declare(tmp_path: Path) -> None:
    for name, content in BYTES.files().items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    (tmp_path / "added_tokens.json").write_text('{"<|bot|>": 257, "<|user|>": 258}')
    (tmp_path / "generation_config.json").write_text('{"eos_token_id": [258, 10]}')
    tokenizer = load_tokenizer(tmp_path)
    for end in (258, 10):
        answer = StreamedText(tokenizer, "x<|bot|>")
        assert answer.prompt_ids == [120, 257]
        assert pieces_of(answer, [*b"ab", 257, 256, end, *b"no"]) == ["a", "b", "<|bot|>", "<|endoftext|>"]
        assert answer.ended == "end_of_text"


@pytest.mark.parametrize(
    ("text", "stop", "expected"),
    [
        ("one\ntwo", ["\n"], "one"),
        ("one two three", ["two"], "one "),
        ("aab", ["ab"], "a"),
        ("ababac!", ["abac"], "ab"),
        ("abcd", ["abcd", "c"], "ab"),  # c is complete first
        ("abcd", ["cd", "bcd"], "a"),  # complete together: the longer
        ("世界和平", ["和"], "世界"),
        ("ab", ["abc"], "ab"),
        ("nothing", ["x", "y"], "nothing"),
        ("stop", ["stop"], ""),
    ],
)
def test_text_is_cut_exactly_before_a_stop_string(text: str, stop: list[str], expected: str) -> None:
    answer = StreamedText(BYTES, "prompt", stop)
    pieces = pieces_of(answer, BYTES.encode(text))
    assert "".join(pieces) == expected
    assert answer.ended == ("stop" if expected != text else "length")


def test_what_may_begin_a_stop_string_is_held_back() -> None:
    answer = StreamedText(BYTES, "", ["\n\nQ:"])
    pieces = [answer.add(token) for token in b"a\n\nb\n\nQ"]
    assert pieces == ["a", "", "", "\n\nb", "", "", ""]
    assert answer.end() == "\n\nQ"


def test_a_stop_string_may_end_in_the_middle_of_a_token(shared_data: object) -> None:
    tokenizer = load_tokenizer(f"{shared_data}/tokenizers/gpt2")
    tokens = tokenizer.encode(" the understanding")
    assert len(tokens) == 2
    answer = StreamedText(tokenizer, "x", ["unders"])
    assert "".join(pieces_of(answer, tokens)) == " the "
    assert answer.ended == "stop"


def test_a_stop_string_that_spans_the_prompt_s_end_does_not_count() -> None:
    assert "".join(pieces_of(StreamedText(BYTES, "a", ["ab"]), b"bc")) == "bc"


def test_an_empty_stop_string_is_refused() -> None:
    with pytest.raises(ValueError, match="stop string: empty; expected at least one character"):
        StreamedText(BYTES, "a", ["x", ""])


def test_words_of_gpt1_are_parted_by_blanks_from_the_prompt_and_from_one_another() -> None:
    tokenizer = gpt1_words()
    tokens = tokenizer.encode("no bad ace. be")
    for prompt, expected in (("a", " no bad ace . be"), ("a ", "no bad ace . be"), ("", "no bad ace . be")):
        assert "".join(pieces_of(StreamedText(tokenizer, prompt), tokens)) == expected
        together = tokenizer.decode([*tokenizer.encode(prompt), *tokens])
        assert together == (prompt + expected)
    assert pieces_of(StreamedText(tokenizer, "a", [" b"]), tokens) == [" n", "o"]
    assert pieces_of(StreamedText(tokenizer, "a"), [*tokens[:2], tokenizer.end_of_text]) == [" n", "o"]


def test_each_token_is_decoded_once() -> None:
    class Counting(ByteTokenizer):
        n_ids = 0

        def decode(self, ids: Sequence[int]) -> str:
            self.n_ids += len(ids)
            return super().decode(ids)

        def decode_bytes(self, ids: Sequence[int]) -> bytes:
            self.n_ids += len(ids)
            return super().decode_bytes(ids)

    tokenizer = Counting()
    pieces_of(StreamedText(tokenizer, "prompt"), b"x" * 1000)
    assert tokenizer.n_ids <= 1002


def test_each_prompt_gets_its_own_text_whatever_the_others_are() -> None:
    model = LanguageModel(small_model(vocab_size=260, n_ctx=16), BYTES)
    prompts = ["a", "a longer one", "", "Ünï"]
    shared: dict[str, Any] = {"max_new_tokens": 30, "stop": ["\x10"]}
    settings: list[dict[str, Any]] = [
        {"temperature": 0.0},
        {"top_k": 20, "top_p": 0.95, "repetition_penalty": 1.2},
    ]
    for options in settings:
        sampling = Sampling(**options)
        together = model.write(prompts, sampling=sampling, seeds=[5] * 4, **shared)
        for prompt, got in zip(prompts, together, strict=True):
            assert model.write([prompt], sampling=sampling, seeds=[5], **shared) == [got]
            assert "".join(model.stream(prompt, seed=5, **shared, **options)) == got.text


def test_a_completion_says_how_it_ended_and_whether_the_window_slid() -> None:
    model = LanguageModel(small_model(vocab_size=257, n_ctx=16), BYTES)
    prompts = ["a" * 6, "a" * 7, "a" * 16]
    for n_new, slid in ((10, [False, False, True]), (11, [False, True, True]), (1, [False] * 3)):
        completions = model.write(prompts, max_new_tokens=n_new, sampling=GREEDY, seeds=[None] * 3)
        assert [each.slid for each in completions] == slid
        assert {(each.ended, each.n_tokens) for each in completions} == {("length", n_new)}
