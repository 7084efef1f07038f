from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt_toolkit.data.file_memo import FileMemo
from gpt_toolkit.data.pretraining.text_files import FileCorpus, divide
from gpt_toolkit.data.pretraining.write_token_shards import prepare_tokens
from gpt_toolkit.progress import ProgressBar
from gpt_toolkit.tokenizers import (
    ByteLevelBPE,
    Tokenizer,
    gigatoken_encoder,
    load_tokenizer,
    train_byte_level,
)
from gpt_toolkit.tokenizers.gigatoken_encoder import VARIABLE
from tests.tokenizers.conftest import STRANGE_TEXTS, english

pytest.importorskip("gigatoken")

CHARACTERS = "  \n\t\x85\xa0\u3000\u200b\x00\x1f\u0300\ufeffé中😀1²½_aBZ'\u2019"
PARTS = [*CHARACTERS, "<|endoftext|>", "'s", "'LL", "\r\n", "the "]


@pytest.fixture(autouse=True)
def allow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "1")


@pytest.fixture(scope="module")
def trained() -> ByteLevelBPE:  # one that has not decided yet
    return train_byte_level([english(2_000), *STRANGE_TEXTS], 400, progress=False)


def encoder_of(tokenizer: Tokenizer) -> Any:
    assert isinstance(tokenizer, ByteLevelBPE)
    encoder = tokenizer._gigatoken
    assert encoder is not None
    return encoder


@settings(deadline=None, max_examples=300)
@given(st.lists(st.sampled_from(PARTS) | st.text(max_size=5), max_size=20).map("".join))
def test_ids_equal_those_of_tiktoken(trained: ByteLevelBPE, text: str) -> None:
    assert encoder_of(trained)(text).tolist() == trained.encode(text)


@pytest.mark.shared
def test_ids_of_the_released_vocabulary_equal_those_of_tiktoken(gpt2: Tokenizer) -> None:
    for text in [*STRANGE_TEXTS, english(20_000), " " * 5_000 + "x", "ab" * 50_000]:
        assert encoder_of(gpt2)(text).tolist() == gpt2.encode(text)


def test_threads_and_new_tables_change_no_id(trained: ByteLevelBPE, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gigatoken_encoder, "_RENEWAL_TOKENS", 300)
    texts = [english(200, seed) for seed in range(40)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(encoder_of(trained), texts))
    assert [ids.tolist() for ids in found] == [trained.encode(text) for text in texts]


@pytest.mark.parametrize("change", ["another", "shorter", "longer"])
def test_a_difference_from_tiktoken_ends_the_work(
    change: str, trained: ByteLevelBPE, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = renewed(trained)
    ids = table.encode_chunk("one two", first=True)
    wrong = {"another": ids + 1, "shorter": ids[:-1], "longer": np.append(ids, ids[:1])}[change]
    monkeypatch.setattr(encoder_of(table), "_reference", lambda text: wrong)
    monkeypatch.setattr(gigatoken_encoder, "COMPARED_CHUNKS", 3)
    for is_compared in (False, False, True, False):  # one chunk was encoded before
        refused = pytest.raises(ValueError, match=f"as tiktoken gives; set {VARIABLE}=0")
        with refused if is_compared else nullcontext():
            table.encode_chunk("one two", first=True)


def renewed(tokenizer: ByteLevelBPE) -> ByteLevelBPE:
    """Return an equal tokenizer that has encoded nothing."""
    kind, arguments = tokenizer.__reduce__()
    return kind(*arguments)


def test_shards_have_the_same_bytes(
    trained: ByteLevelBPE, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = tmp_path / "text.txt"
    text.write_text(english(30_000) + "\n".join(STRANGE_TEXTS[1:]).replace("\0", ""), encoding="utf-8")
    contents = []
    for value in "10":
        monkeypatch.setenv(VARIABLE, value)
        with ProgressBar("Text to tokens") as progress:
            memo = FileMemo(tmp_path / f"memo-{value}", progress)
            corpus = FileCorpus(divide([str(text)], [], [], memo), 0.1, "text", None, None, memo)
            tokenizer = renewed(trained)
            cache = prepare_tokens(corpus, tokenizer, tmp_path / value, progress)
            assert (tokenizer._gigatoken is None) == (value == "0")
        contents.append([path.read_bytes() for path in sorted(cache.folder.glob("*.tokens"))])
    assert len(contents[0]) == 2
    assert contents[0] == contents[1]


def test_a_vocabulary_without_a_byte_is_encoded_by_tiktoken(gpt2_toy: dict[str, str], tmp_path: Path) -> None:
    for name, content in gpt2_toy.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    tokenizer = load_tokenizer(tmp_path)
    assert isinstance(tokenizer, ByteLevelBPE)
    assert tokenizer._gigatoken is None
    assert tokenizer.encode_chunk("lower newer", first=True).tolist() == tokenizer.encode("lower newer")
