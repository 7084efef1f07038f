import hashlib
import os
import random
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import gpt_toolkit.tokenizers
from gpt_toolkit.progress import ProgressBar
from gpt_toolkit.tokenizers import ByteLevelBPE, bpe_training, train_byte_level
from gpt_toolkit.tokenizers.bpe_table import BYTE_TO_CHARACTER
from gpt_toolkit.tokenizers.bpe_training import LONGEST_WORD, cut_long_words


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
    with pytest.raises(ValueError, match="vocab_size: 256; expected at least 257"):
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


def letters(n: int, alphabet: str = "ACGT") -> str:
    return "".join(random.Random(0).choices(alphabet, k=n))


CHINESE = "天地玄黃宇宙洪荒"


@pytest.mark.parametrize(
    "text", [letters(30_000), letters(30_000, CHINESE), "1" * 9999, " " * 9999 + "x", "-" * 9999]
)
def test_a_word_of_any_length_is_cut_for_training_and_encoded_whole(text: str) -> None:
    pieces = list(cut_long_words(text))
    assert "".join(pieces) == text
    assert max(map(len, pieces)) <= LONGEST_WORD
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # few different pairs allow few merges
        tokenizer = train_byte_level([text], 300, progress=False)
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert len(ids) < 0.6 * len(text.encode())


def test_text_of_ordinary_words_is_not_cut(write_english: Callable[..., str]) -> None:
    clauses = "\u3002".join(letters(9, CHINESE) for _ in range(500))  # one run without spaces
    for text in (write_english(2000), "a" * LONGEST_WORD, " " * LONGEST_WORD + "b", clauses, ""):
        assert list(cut_long_words(text)) == [text]


def test_a_long_word_between_others_changes_only_its_own_pieces(write_english: Callable[..., str]) -> None:
    long_word = "b" * 2500
    pieces = list(cut_long_words(f"one two, {long_word} three"))
    assert pieces == [f"one two, {'b' * 1000}", "b" * 1000, "b" * 500 + " three"]


def test_learning_of_merges_shows_its_time_on_the_bar_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(ProgressBar, "is_due", property(lambda self: True))
    monkeypatch.setattr(ProgressBar, "show", lambda self, text, fraction=None: shown.append(text))
    with ProgressBar("preparing") as bar, bpe_training._clock(bar, every=0.001) as is_read:
        is_read.set()
        while not shown:
            pass
    assert shown[0] == "learning merges  0:00 so far"
