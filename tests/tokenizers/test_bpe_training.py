import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import gpt_toolkit.tokenizers
from gpt_toolkit.tokenizers import ByteLevelBPE, train_byte_level
from gpt_toolkit.tokenizers.bpe_table import BYTE_TO_CHARACTER


def test_ids_are_laid_out_as_in_gpt2(trained: ByteLevelBPE) -> None:
    assert trained.vocab_size == 400
    assert trained.end_of_text == 399
    assert trained.decode([399]) == "<|endoftext|>"
    assert trained.encode("!~ \n") == [0, 93, 220, 198]
    assert [trained.decode_bytes([i]) for i in range(256)] == [bytes([byte]) for byte in BYTE_TO_CHARACTER]


def test_frequent_words_become_one_id(trained: ByteLevelBPE, write_english: Callable[..., str]) -> None:
    assert len(trained.encode(" little")) == 1
    text = write_english(1000, seed=5)
    assert len(trained.encode(text)) < 0.4 * len(text.encode())


def test_chunks_change_nothing(write_english: Callable[..., str]) -> None:
    text = write_english(2000)
    whole = train_byte_level([text], 320, progress=False)
    halves = train_byte_level(
        iter([text[: text.index(" ", 5000)], text[text.index(" ", 5000) :]]), 320, progress=False
    )
    assert whole.files() == halves.files()


def test_the_same_text_gives_the_same_vocabulary_on_any_number_of_threads() -> None:
    code = (
        "import random; from gpt_toolkit.tokenizers import train_byte_level\n"
        "words = [''.join(random.Random(i).choices('abcdeé', k=1 + i % 9)) for i in range(3000)]\n"
        "print(train_byte_level([' '.join(words)], 600, progress=False).files()['tokenizer.json'])"
    )
    seen = set()
    for threads in ("1", "2"):
        environment = os.environ | {"RAYON_NUM_THREADS": threads, "PYTHONUTF8": "1"}
        root = Path(gpt_toolkit.tokenizers.__file__).parents[2]
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=root, env=environment, capture_output=True, check=True
        )
        seen.add(hashlib.sha256(done.stdout).hexdigest())
    assert len(seen) == 1


def test_a_text_with_too_little_to_merge_says_how_much_it_has() -> None:
    with pytest.warns(
        UserWarning, match="vocab_size is 1000, but the text allows 4 merges: the vocabulary has 261"
    ):
        tokenizer = train_byte_level(["abcd abcd"], 1000, progress=False)
    assert tokenizer.vocab_size == 261


def test_no_text_leaves_the_bytes() -> None:
    with pytest.warns(UserWarning, match="0 merges"):
        assert train_byte_level([], 300, progress=False).vocab_size == 257


def test_fewer_ids_than_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match="vocab_size is 256; a byte-level vocabulary has at least 257"):
        train_byte_level(["abc"], 256, progress=False)


def test_the_end_of_text_mark_inside_a_text_stays_text(write_english: Callable[..., str]) -> None:
    tokenizer = train_byte_level(["<|endoftext|>" * 50 + write_english(200)], 300, progress=False)
    ids = tokenizer.encode("<|endoftext|>")
    assert tokenizer.end_of_text not in ids
    assert tokenizer.decode(ids) == "<|endoftext|>"


def test_an_error_of_the_reader_comes_through() -> None:
    def broken() -> Iterator[str]:
        yield "some text"
        raise OSError("the disk is gone")

    with pytest.raises(Exception, match="the disk is gone"):
        train_byte_level(broken(), 300, progress=False)


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(Exception, match="lone surrogate"):
        train_byte_level(["abc \ud800"], 300, progress=False)
