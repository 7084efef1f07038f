from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gpt_toolkit.tokenizers import ByteTokenizer, Tokenizer, load_tokenizer


def test_ids_are_bytes() -> None:
    tokenizer = load_tokenizer("bytes")
    assert tokenizer.encode("aé") == [97, 0xC3, 0xA9]
    assert tokenizer.encode_chunk("aé", first=False).dtype == np.uint32
    assert (tokenizer.vocab_size, tokenizer.end_of_text, tokenizer.name) == (257, 256, "bytes")


def test_the_end_of_text_is_decoded_as_its_mark() -> None:
    assert ByteTokenizer().decode([104, 105, 256]) == "hi<|endoftext|>"
    assert ByteTokenizer().decode([0xC3]) == "\ufffd"


def test_transformers_reads_it_to_equal_ids(
    strange_texts: list[str], from_transformers: Callable[[Tokenizer], Any]
) -> None:
    theirs = from_transformers(ByteTokenizer())
    for text in strange_texts:
        plain = text.replace("<|endoftext|>", "")
        assert theirs.encode(plain) == ByteTokenizer().encode(plain)
    assert theirs.eos_token_id == 256
    assert len(theirs) == 257


def test_files_make_it_again() -> None:
    again = load_tokenizer(ByteTokenizer().files())
    assert isinstance(again, ByteTokenizer)
    assert again.fingerprint == ByteTokenizer.fingerprint


@pytest.mark.parametrize("stranger", [-1, 257])
def test_an_id_outside_the_vocabulary_is_refused(stranger: int) -> None:
    with pytest.raises(ValueError, match=f"token id: {stranger}; expected 0 to 256"):
        ByteTokenizer().decode([0, stranger])
