"""Properties of every tokenizer on every text."""

import json
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt_toolkit.tokenizers import (
    GPT1BPE,
    ByteLevelBPE,
    ByteTokenizer,
    Tokenizer,
    load_tokenizer,
    safe_cut,
    train_byte_level,
)
from gpt_toolkit.tokenizers.gpt1_normalize import repair

SPACES = [
    " ",
    "  ",
    "\n",
    "\r\n",
    "\r",
    "\t",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x85",
    "\xa0",
    "\u2028",
    "\u3000",
    "\x00",
]
ENGLISH = ["a", "Ab", "don't", "'s", "'", "''", "...", ".", "--", "!?", "mr.", "U.S.", "1.5", "10:30", "<"]
OTHERS = ["é", "e\u0301", "ß", "İ", "你好", "👩‍👧", "\u200b", "\ufeff", "“", "\u2019", "—", "…", "½"]
MENDED = ["Ã©", "â€œ", "&amp;", "<|endoftext|>"]
nasty_text = st.lists(
    st.sampled_from([*SPACES, *ENGLISH, *OTHERS, *MENDED]) | st.text(max_size=3), max_size=25
).map("".join)
# Without what ftfy mends within a line, or takes away so that nothing is left of a chunk.
plain_text = st.text(" \n\t\r\u3000ab.'!-é“\u2019—…1<你", max_size=40)


def cut_into_chunks(text: str, data: st.DataObject) -> list[str]:
    """Cut the chunks of a reader: the text at hand, up to its last safe cut."""
    chunks, rest = [], text
    while rest:
        at_hand = rest[: data.draw(st.integers(1, len(rest)))]
        cut = safe_cut(at_hand)
        if not cut:
            if at_hand == rest:
                break
            cut = safe_cut(rest) or len(rest)
        chunks.append(rest[:cut])
        rest = rest[cut:]
    return [*chunks, rest]


def encode_chunks(tokenizer: Tokenizer, chunks: list[str]) -> list[int]:
    ids = [tokenizer.encode_chunk(chunk, first=i == 0) for i, chunk in enumerate(chunks)]
    assert all(part.dtype == np.uint32 for part in ids)
    return [int(i) for part in ids for i in part]


@pytest.fixture(scope="module")
def gpt1() -> Tokenizer:
    pieces = ["<unk>", *"ab.'!-é1<\"", *(f"{c}</w>" for c in "ab.'!-é1<\""), "ab</w>", "\n</w>"]
    table = {
        "vocab.json": json.dumps({p: i for i, p in enumerate(pieces)}),
        "merges.txt": "#version: 0.2\na b</w>\n",
    }
    return load_tokenizer(table | {"tokenizer_config.json": '{"word_splitting": "rules"}'})


@given(nasty_text)
def test_decoding_gives_the_text_back(trained: ByteLevelBPE, text: str) -> None:
    for tokenizer in (trained, ByteTokenizer()):
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == text
        assert b"".join(tokenizer.decode_bytes([i]) for i in ids) == text.encode()


@given(nasty_text, st.data())
def test_ids_of_chunks_are_the_ids_of_the_document(
    trained: ByteLevelBPE, text: str, data: st.DataObject
) -> None:
    chunks = cut_into_chunks(text, data)
    assert "".join(chunks) == text
    for tokenizer in (trained, ByteTokenizer()):
        assert encode_chunks(tokenizer, chunks) == tokenizer.encode(text)


@settings(max_examples=300)
@given(plain_text, st.data())
def test_gpt1_ids_of_chunks_are_the_ids_of_the_document(
    gpt1: Tokenizer, text: str, data: st.DataObject
) -> None:
    assert encode_chunks(gpt1, cut_into_chunks(text, data)) == gpt1.encode(text)


@given(st.lists(nasty_text.filter(lambda line: "\n" not in line), min_size=1, max_size=5), st.data())
def test_gpt1_chunks_cut_at_line_breaks_are_mended_as_the_document(
    gpt1: Tokenizer, lines: list[str], data: st.DataObject
) -> None:
    lines = [f"a{line.rstrip()}b" for line in lines]
    breaks = [data.draw(st.sampled_from(["\n", "\r\n", "\n\n  "])) for _ in lines[1:]]
    chunks = [lines[0], *(b + line for b, line in zip(breaks, lines[1:], strict=True))]
    assert encode_chunks(gpt1, chunks) == gpt1.encode("".join(chunks))


def test_a_later_gpt1_chunk_keeps_the_line_break_it_begins_with(gpt1: Tokenizer) -> None:
    line_break = gpt1.end_of_text
    assert gpt1.encode_chunk("\nab", first=True).tolist() == gpt1.encode("ab")
    assert gpt1.encode_chunk("\nab", first=False).tolist() == [line_break, *gpt1.encode("ab")]
    assert gpt1.encode_chunk("\n", first=False).tolist() == []  # the end of the document


@given(st.text("abÃ©â€œ™\n“”\u2018\u2019\u2013—…\x80é \t!%&'~;", max_size=30) | nasty_text)
def test_ftfy_mends_line_by_line_as_whole(text: str) -> None:
    import ftfy

    if "<" not in text and "\r" not in text:
        assert repair(text) == ftfy.fix_text(text)


@settings(max_examples=30, deadline=None)
@given(st.lists(nasty_text | st.text("ab", max_size=30), min_size=1), nasty_text, st.integers(257, 330))
def test_tiktoken_and_the_merge_list_agree_on_any_trained_vocabulary(
    texts: list[str], unseen: str, vocab_size: int
) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # short texts have few merges
        ours = train_byte_level(texts, vocab_size, progress=False)
    theirs = tokenizers.Tokenizer.from_str(ours.files()["tokenizer.json"])
    for text in [*texts, unseen]:
        plain = text.replace("<|endoftext|>", "")
        assert theirs.encode(plain).ids == ours.encode(plain)


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("", 0),
        ("word", 0),
        (" word", 0),
        ("  \n ", 0),
        ("a b", 1),
        ("a b  ", 3),
        ("a b\nc d", 3),
        ("a b\r\nc d", 3),
        ("a b\n\n\nc d e", 3),
        ("\na b", 2),
        ("a\x0bb", 0),
        ("a\u3000b", 1),
        ("a \nb c", 1),
    ],
)
def test_a_document_is_cut_before_whitespace_line_breaks_first(text: str, cut: int) -> None:
    assert safe_cut(text) == cut


def test_rules_splitting_is_asked_for_by_the_fixture(gpt1: Tokenizer) -> None:
    assert isinstance(gpt1, GPT1BPE)
    assert gpt1.word_splitting == "rules"
