import copy
import json
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gpt_toolkit.tokenizers import ByteLevelBPE, Tokenizer, load_tokenizer, train_byte_level
from gpt_toolkit.tokenizers.byte_level_bpe import GPT2_FINGERPRINT

RELEASED_IDS = {
    "hello world": [31373, 995],
    "Hello world": [15496, 995],
    " Hello world": [18435, 995],
    "Hello World": [15496, 2159],
    "Hello, world!": [15496, 11, 995, 0],
    " ": [220],
    "  ": [220, 220],
    "   ": [220, 220, 220],
    "\t": [197],
    "\n": [198],
    "\n\n": [628],
    "\n\n\n": [628, 198],
    "\t\n": [197, 198],
    "    Hello": [220, 220, 220, 18435],
    "3": [18],
    "33": [2091],
    "333": [20370],
    "3333": [24840],
    "33333": [2091, 20370],
    "ied 4 ½ months": [798, 604, 25208, 1933],
    "Führer": [37, 9116, 71, 11751],
    "w048 7tuijk dsdfhu": [86, 47202, 767, 28047, 45961, 288, 82, 7568, 13415],
    "0": [15],
    "00": [405],
    "000": [830],
    "0000": [2388],
    "00000": [20483],
    "000000": [10535],
    "0000000": [24598],
    "00000000": [8269],
    "0" * 16: [25645],
    "0" * 17: [8269, 10535, 830],
    "hello\n\nhello": [31373, 198, 198, 31373],
    "This is some text": [1212, 318, 617, 2420],
    "indivisible": [521, 452, 12843],
    "hello 👋 world 🌍": [31373, 50169, 233, 995, 12520, 234, 235],
}
"""Token ids of the released GPT-2 vocabulary."""


@pytest.mark.shared
@pytest.mark.parametrize("text", RELEASED_IDS)
def test_the_released_vocabulary_gives_the_published_ids(gpt2: Tokenizer, text: str) -> None:
    assert gpt2.encode(text) == RELEASED_IDS[text]
    assert gpt2.decode(RELEASED_IDS[text]) == text


@pytest.mark.shared
def test_the_released_vocabulary_has_its_published_facts(gpt2: Tokenizer) -> None:
    assert (gpt2.vocab_size, gpt2.end_of_text, gpt2.name) == (50257, 50256, "gpt2")
    assert gpt2.fingerprint == GPT2_FINGERPRINT
    assert [*gpt2.encode("hello "), gpt2.end_of_text] == [31373, 220, 50256]
    assert gpt2.encode("<|endoftext|>") == [27, 91, 437, 1659, 5239, 91, 29]  # ordinary text


@pytest.mark.shared
def test_the_released_merges_and_tiktokens_ranks_agree(gpt2: ByteLevelBPE) -> None:
    gpt2._check_ranks()


@pytest.mark.shared
def test_transformers_reads_the_released_vocabulary_to_equal_ids(
    gpt2: Tokenizer,
    shared_data: Path,
    strange_texts: list[str],
    from_transformers: Callable[[Tokenizer], Any],
) -> None:
    theirs = from_transformers(gpt2)
    play = (shared_data / "tinyshakespeare" / "input.txt").read_text()[:200_000]
    for text in [play, *RELEASED_IDS, *(t for t in strange_texts if "<|" not in t)]:
        assert theirs.encode(text) == gpt2.encode(text), text
    assert theirs.eos_token_id == gpt2.end_of_text
    assert len(theirs) == gpt2.vocab_size


def test_the_toy_vocabulary_gives_the_published_ids(gpt2_toy: dict[str, str]) -> None:
    toy = load_tokenizer(gpt2_toy)
    assert toy.encode(" lower newer") == [14, 15, 10, 9, 3, 2, 15]
    assert toy.decode([14, 15, 10, 9, 3, 2, 15]) == " lower newer"
    assert (toy.vocab_size, toy.end_of_text) == (21, 20)


def test_a_byte_without_a_piece_is_refused(gpt2_toy: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="text: byte 0x41; expected bytes that have a piece in the"):
        load_tokenizer(gpt2_toy).encode("lowA")


def test_transformers_reads_a_trained_vocabulary_to_equal_ids(
    trained: ByteLevelBPE,
    strange_texts: list[str],
    write_english: Callable[..., str],
    from_transformers: Callable[[Tokenizer], Any],
) -> None:
    theirs = from_transformers(trained)
    for text in [write_english(500, seed=1), *strange_texts]:
        plain = text.replace("<|endoftext|>", "<|end|>")
        ids = trained.encode(plain)
        assert theirs.encode(plain) == ids
        assert theirs.decode(ids) == plain


def test_files_make_an_equal_tokenizer(trained: ByteLevelBPE, write_english: Callable[..., str]) -> None:
    text = write_english(50)
    for again in (
        load_tokenizer(trained.files()),
        pickle.loads(pickle.dumps(trained)),
        copy.deepcopy(trained),
    ):
        assert again.fingerprint == trained.fingerprint
        assert again.files() == trained.files()
        assert again.encode(text) == trained.encode(text)


def test_every_way_of_writing_a_vocabulary_has_one_fingerprint(trained: ByteLevelBPE, tmp_path: Path) -> None:
    model = json.loads(trained.files()["tokenizer.json"])["model"]
    merges = "\n".join(["#version: 0.2", *model["merges"], ""])
    for merges_name, vocabulary_name in (("vocab.bpe", "encoder.json"), ("merges.txt", "vocab.json")):
        folder = tmp_path / merges_name
        folder.mkdir()
        (folder / merges_name).write_text(merges.replace("\n", "\r\n"), encoding="utf-8", newline="")
        (folder / vocabulary_name).write_text(json.dumps(model["vocab"]), encoding="utf-8")
        for path in (folder, folder / merges_name, folder / vocabulary_name):
            assert load_tokenizer(path).fingerprint == trained.fingerprint


def test_one_merge_more_is_another_fingerprint(write_english: Callable[..., str]) -> None:
    sizes = {size: train_byte_level([write_english(300)], size, progress=False) for size in (290, 291)}
    assert sizes[290].fingerprint != sizes[291].fingerprint
    assert sizes[290].vocab_size + 1 == sizes[291].vocab_size


def test_threads_encode_side_by_side(trained: ByteLevelBPE, write_english: Callable[..., str]) -> None:
    texts = [write_english(400, seed) for seed in range(16)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(trained.encode, texts))
    assert together == [trained.encode(text) for text in texts]


@pytest.mark.parametrize("blank", [" ", "\n", "\u3000"])
def test_a_very_long_run_of_blanks_is_encoded_as_a_short_one(trained: ByteLevelBPE, blank: str) -> None:
    for text in (
        "x" + blank * 3000 + "y z",
        blank * 3000 + "y",
        "x" + blank * 3000,
        "x" + blank * 2000 + "\x1c",
    ):
        assert trained._encode_long_spaces(text).tolist() == trained.encode(text)
    longest = "x" + blank * 1_000_000 + "y"
    assert trained.decode(trained.encode(longest)) == longest


def test_a_lone_surrogate_is_refused(trained: ByteLevelBPE) -> None:
    for tokenizer in (trained, load_tokenizer("bytes")):
        with pytest.raises(ValueError, match=r"text: lone surrogate U\+D800 at character 3; expected"):
            tokenizer.encode("abc\ud800")
        with pytest.raises(ValueError, match="lone surrogate"):
            tokenizer.encode_chunk("abc\udfff", first=True)


@pytest.mark.parametrize("stranger", [-1, 400, 50256])
def test_an_id_outside_the_vocabulary_is_refused(trained: ByteLevelBPE, stranger: int) -> None:
    with pytest.raises(ValueError, match=f"token id: {stranger}; expected 0 to 399"):
        trained.decode([1, stranger])


def test_a_broken_character_is_decoded_to_a_replacement_character(trained: ByteLevelBPE) -> None:
    assert trained.decode(trained.encode("\u1234")[:1]) == "\ufffd"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vocab.bpe": "Ġ l\nĠl o\n"}, r"vocab\.bpe, line 1: 'Ġ l'; expected the header of a merges file,"),
        ({"vocab.bpe": "#version: 0.2\nĠ l\nĠlo\n"}, r"vocab\.bpe, line 3: 'Ġlo'; expected two pieces and"),
        ({"vocab.bpe": "#version: 0.2\nĠ l\n\nĠl o\n"}, r"vocab\.bpe, line 3: ''; expected two pieces and"),
        ({"vocab.bpe": "#version: 0.2\nĠ l x\n"}, r"vocab\.bpe, line 2: 'Ġ l x'; expected two pieces and"),
        ({"vocab.bpe": "#version: 0.2\nĠl o\nĠ l\n"}, r"vocab\.bpe, line 2: 'Ġl' and 'o'; expected 'Ġl' to"),
        ({"vocab.bpe": "#version: 0.2\nw e\n"}, r"vocab\.bpe, line 2: 'we' has no id; expected one in the"),
        ({"vocab.bpe": "#version: 0.2\ne r\nĠ l\n"}, r"vocab\.bpe, line 3: id 11 of 'Ġl'; expected more"),
        ({"encoder.json": '{"l": 0, "o": 1, "w'}, r"encoder\.json, line 1, column 18: Unterminated string"),
        ({"encoder.json": '["l"]'}, r"encoder\.json: JSON list; expected an object"),
        ({"encoder.json": '{"l": "0"}'}, r"encoder\.json: id '0' of 'l'; expected a whole number"),
        ({"encoder.json": '{"l": 0, "o": 0}'}, r"vocab\.bpe: id 0 of 'l' and 'o'; expected different ids"),
        ({"encoder.json": '{"l": 0, "o": 2}'}, r"vocab\.bpe: no id 1, largest 2; expected the ids 0 to 1"),
    ],
)
def test_damaged_files_are_refused_by_name_and_line(
    gpt2_toy: dict[str, str], change: dict[str, str], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        load_tokenizer(gpt2_toy | change)


def test_merges_that_tiktoken_would_read_otherwise_are_refused() -> None:
    vocabulary = {piece: i for i, piece in enumerate(["a", "b", "c", "bc", "ab", "abc", "<|endoftext|>"])}
    files = {"vocab.bpe": "#version: 0.2\nb c\na b\nab c\n", "encoder.json": json.dumps(vocabulary)}
    with pytest.raises(ValueError, match=r"vocab\.bpe, line 4: 'ab' and 'c'; expected a merge that can"):
        load_tokenizer(files)


def test_a_vocabulary_without_end_of_text_is_refused(gpt2_toy: dict[str, str]) -> None:
    gpt2_toy["encoder.json"] = gpt2_toy["encoder.json"].replace("endoftext", "end")
    with pytest.raises(ValueError, match=r"which of the 21 entries ends a text"):
        load_tokenizer(gpt2_toy)


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        ("model", {"type": "WordPiece", "vocab": {}}, r"tokenizer\.json: tokenizer of type WordPiece"),
        ("model", {"type": "Unigram", "vocab": []}, r"tokenizer\.json: tokenizer of type Unigram; expected"),
        ("model", None, "no 'model'"),
        ("normalizer", {"type": "NFC"}, r"tokenizer\.json: normalizer NFC; expected none, as in GPT-2's"),
        ("pre_tokenizer", None, r"tokenizer\.json: pre-tokenizer none; expected GPT-2's byte-level"),
        ("pre_tokenizer", {"type": "Whitespace"}, r"tokenizer\.json: pre-tokenizer Whitespace; expected"),
        (
            "pre_tokenizer",
            {"type": "ByteLevel", "add_prefix_space": True, "use_regex": True},
            "add_prefix_space",
        ),
        (
            "post_processor",
            {"type": "RobertaProcessing"},
            r"post_processor adds tokens \(RobertaProcessing\)",
        ),
    ],
)
def test_a_tokenizer_json_of_another_kind_is_refused_by_name(
    trained: ByteLevelBPE, part: str, value: object, message: str
) -> None:
    parts = json.loads(trained.files()["tokenizer.json"])
    parts[part] = value
    with pytest.raises(ValueError, match=message):
        load_tokenizer({"tokenizer.json": json.dumps(parts)})


def test_a_tokenizer_json_with_gpt2s_split_spelled_out_is_read(trained: ByteLevelBPE) -> None:
    split = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    parts = json.loads(trained.files()["tokenizer.json"])
    parts["pre_tokenizer"] = {
        "type": "Sequence",
        "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": split}, "behavior": "Isolated", "invert": False},
            {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False},
        ],
    }
    parts["model"]["merges"] = [merge.split(" ") for merge in parts["model"]["merges"]]
    assert load_tokenizer({"tokenizer.json": json.dumps(parts)}).fingerprint == trained.fingerprint
