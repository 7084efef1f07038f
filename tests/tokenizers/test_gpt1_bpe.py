import functools
import gzip
import importlib.util
import itertools
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gpt_toolkit.tokenizers import GPT1BPE, Tokenizer, load_tokenizer
from gpt_toolkit.tokenizers.bpe_table import BPETable, read_pair
from gpt_toolkit.tokenizers.gpt1_normalize import clean, split_by_rules

RELEASED_IDS = {
    "the president is": [481, 4735, 544],
    "hello world": [3570, 1276],
    "hello , world !": [3570, 240, 1276, 267],
    "Hello, World!": [3570, 240, 1276, 267],
    "i don't know": [249, 587, 538, 699],
    "“Yes,” she said.": [244, 685, 240, 244, 520, 603, 239],
    "transformers": [2973, 1858, 650],
    "tokenization": [571, 2987, 26922],
    "very positive negative": [963, 6353, 9503],
    "hello\n\nworld": [3570, 40477, 1276],
    "hello 你 world": [3570, 0, 1276],
}
"""Token ids of the released GPT-1 vocabulary."""


@functools.cache
def released_table(folder: Path) -> BPETable:
    return read_pair(
        (folder / "vocab_40000.bpe").read_text(encoding="utf-8"),
        (folder / "encoder_bpe_40000.json").read_text(encoding="utf-8"),
        merges_origin="vocab_40000.bpe",
        vocabulary_origin="encoder_bpe_40000.json",
    )


@functools.cache
def read_novel(shared_data: Path) -> str:
    packed = (shared_data / "books" / "valid" / "Doyle_Lost_1912.txt.gz").read_bytes()
    return gzip.decompress(packed).decode("utf-8-sig")[:60_000]


@pytest.fixture
def gpt1(shared_data: Path) -> GPT1BPE:
    return GPT1BPE(released_table(shared_data / "tokenizers" / "gpt1"), "rules")


def original_bpe(table: BPETable, rank: dict[tuple[str, str], int], word: str) -> list[int]:
    """Encode by the definition, slow and plain: merge the earliest-listed pair until none is listed."""
    pieces = [*word[:-1], word[-1] + "</w>"]
    while pairs := [pair for pair in itertools.pairwise(pieces) if pair in rank]:
        best = min(pairs, key=rank.__getitem__)
        merged: list[str] = []
        while pieces:
            take = 2 if tuple(pieces[:2]) == best else 1
            merged.append("".join(pieces[:take]))
            pieces = pieces[take:]
        pieces = merged
    return [table.vocabulary.get(piece, 0) for piece in pieces]


@pytest.mark.shared
@pytest.mark.parametrize("text", RELEASED_IDS)
def test_the_released_vocabulary_gives_the_published_ids(gpt1: GPT1BPE, text: str) -> None:
    assert gpt1.encode(text) == RELEASED_IDS[text]


@pytest.mark.shared
@pytest.mark.skipif(importlib.util.find_spec("spacy") is None, reason="spaCy is not installed")
@pytest.mark.parametrize("text", RELEASED_IDS)
def test_spacy_gives_the_published_ids(shared_data: Path, text: str) -> None:
    tokenizer = GPT1BPE(released_table(shared_data / "tokenizers" / "gpt1"), "spacy")
    assert tokenizer.encode(text) == RELEASED_IDS[text]


@pytest.mark.shared
def test_the_released_vocabulary_has_its_published_facts(gpt1: GPT1BPE) -> None:
    assert (gpt1.vocab_size, gpt1.end_of_text, gpt1.name) == (40478, 40477, "gpt1")


@pytest.mark.shared
def test_merging_follows_the_definition(gpt1: GPT1BPE, shared_data: Path) -> None:
    table = released_table(shared_data / "tokenizers" / "gpt1")
    novel = read_novel(shared_data)
    rank = {pair: i for i, pair in enumerate(table.merges)}
    words = {piece for word in clean(novel).split() for piece in split_by_rules(word)}
    for word in [*words, "你好", "a你", "é", "aaaaaaa", "zzzzabcde"]:
        assert gpt1.encode(word) == original_bpe(table, rank, word), word


@pytest.mark.shared
def test_a_novel_is_decoded_to_its_cleaned_words(gpt1: GPT1BPE, shared_data: Path) -> None:
    novel = read_novel(shared_data)
    text = "".join(c for c in novel[:30_000] if c.isascii())
    words = [piece for word in clean(text).replace("\n", "").split() for piece in split_by_rules(word)]
    assert gpt1.decode(gpt1.encode(text)).split() == words


@pytest.mark.shared
def test_transformers_reads_the_released_vocabulary_to_equal_ids(
    gpt1: GPT1BPE, shared_data: Path, from_transformers: Callable[[Tokenizer], Any]
) -> None:
    theirs = from_transformers(gpt1)
    novel = read_novel(shared_data)
    text = novel.replace("“", '"').replace("”", '"').replace("\u2019", "'").replace("\u2018", "'")
    for raw in [text, *(t for t in RELEASED_IDS if "“" not in t)]:
        assert theirs.encode(raw) == gpt1.encode(raw)
        split = " ".join(piece for word in clean(raw).split(" ") for piece in split_by_rules(word) or ["\n"])
        assert theirs.encode(split) == gpt1.encode(raw)


def test_the_toy_vocabulary_gives_the_published_ids(gpt1_toy: dict[str, str]) -> None:
    toy = load_tokenizer(gpt1_toy)
    assert toy.encode("lower") == [14, 15]
    assert toy.encode("Lower, lower") == [14, 15, 20, 14, 15]
    assert toy.decode([14, 15, 16]) == "lower low"
    assert toy.decode_bytes([14, 15]) == b"lower "


def test_a_line_break_ends_a_text(gpt1_toy: dict[str, str]) -> None:
    entries = json.loads(gpt1_toy["encoder_bpe_40000.json"])
    gpt1_toy["encoder_bpe_40000.json"] = json.dumps(entries | {"\n</w>": 21})
    toy = load_tokenizer(gpt1_toy)
    assert toy.end_of_text == 21
    assert toy.encode("low\nlow") == [*toy.encode("low"), 21, *toy.encode("low")]
    assert toy.decode(toy.encode("low\nlow")) == "low \nlow"


def test_files_make_an_equal_tokenizer(gpt1_toy: dict[str, str]) -> None:
    toy = load_tokenizer(gpt1_toy)
    for again in (load_tokenizer(toy.files()), pickle.loads(pickle.dumps(toy))):
        assert isinstance(again, GPT1BPE)
        assert again.word_splitting == "rules"
        assert again.fingerprint == toy.fingerprint
        assert again.encode("lower lowest") == toy.encode("lower lowest")


@pytest.mark.skipif(importlib.util.find_spec("spacy") is None, reason="spaCy is not installed")
def test_the_kind_of_word_splitting_is_in_the_fingerprint(gpt1_toy: dict[str, str]) -> None:
    rules = load_tokenizer(gpt1_toy)
    spacy = load_tokenizer({name: text for name, text in gpt1_toy.items() if "config" not in name})
    assert isinstance(spacy, GPT1BPE)
    assert spacy.word_splitting == "spacy"
    assert spacy.fingerprint != rules.fingerprint
    assert load_tokenizer(spacy.files()).fingerprint == spacy.fingerprint


def test_a_full_memory_of_words_changes_no_id(
    gpt1_toy: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gpt_toolkit.tokenizers.gpt1_bpe.MOST_CACHED_WORDS", 2)
    toy = load_tokenizer(gpt1_toy)
    text = "low lower lowest widen low lower " * 3
    assert toy.encode(text) == [i for word in text.split() for i in toy.encode(word)]


@pytest.mark.parametrize("stranger", [-1, 21, 40478])
def test_an_id_outside_the_vocabulary_is_refused(gpt1_toy: dict[str, str], stranger: int) -> None:
    with pytest.raises(ValueError, match=f"token id: {stranger}; expected 0 to 20"):
        load_tokenizer(gpt1_toy).decode([stranger])


def test_a_lone_surrogate_is_refused(gpt1_toy: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="lone surrogate"):
        load_tokenizer(gpt1_toy).encode("low \udc80")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vocab_40000.bpe": "#version: 0.2\nl o\nlo\n"}, r"vocab_40000\.bpe, line 3: 'lo'; expected two"),
        ({"vocab_40000.bpe": "#version: 0.2\nlo w\n"}, r"vocab_40000\.bpe, line 2: 'lo' and 'w'; expected"),
        ({"encoder_bpe_40000.json": '{"l": 0,'}, r"encoder_bpe_40000\.json, line 1, column 9: Expecting"),
        ({"encoder_bpe_40000.json": '{"l": 0, "o</w>": 1}'}, r"vocab_40000\.bpe: no '<unk>'; expected it"),
    ],
)
def test_damaged_files_are_refused_by_name_and_line(
    gpt1_toy: dict[str, str], change: dict[str, str], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        load_tokenizer(gpt1_toy | change)
