"""Added tokens as ``transformers`` reads them, on vocabularies and texts of all kinds."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpt_toolkit.tokenizers import ByteLevelBPE, Tokenizer, load_tokenizer
from gpt_toolkit.tokenizers.added_tokens import TextSplitter
from gpt_toolkit.tokenizers.bpe_table import AddedToken

transformers = pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")

TEXTS = [
    "<|user|> Is COVID-19 over? <|bot|>",
    "<|user|><|bot|>COVID-19<|user|>\n\n<|bot|>",
    "COVID-193 xCOVID-19 COVID-19. covid-19",
    "  <|user|>   a  <|bot|>\t b ",
    "<|user|",
    "",
    " ",
    "<|bot|>",
    "naïve <|user|> 世界 <|bot|>👋",
]


@pytest.fixture
def folder(trained: ByteLevelBPE, tmp_path: Path) -> Path:
    """Make a folder with the files of slow tokenizers: vocab.json and merges.txt."""
    model = json.loads(trained.files()["tokenizer.json"])["model"]
    path = tmp_path / "slow"
    path.mkdir()
    (path / "vocab.json").write_text(json.dumps(model["vocab"]), encoding="utf-8")
    (path / "merges.txt").write_text("\n".join(["#version: 0.2", *model["merges"], ""]), encoding="utf-8")
    (path / "config.json").write_text('{"model_type": "gpt2"}')
    return path


def write(folder: Path, **files: Any) -> Path:
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def check_equal(ours: Tokenizer, folder: Path, texts: list[str]) -> None:
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    assert len(theirs) == ours.vocab_size
    for text in texts:
        ids = ours.encode(text)
        assert theirs(text)["input_ids"] == ids, text
        assert theirs.decode(ids) == ours.decode(ids)


def shortened(tokenizer: Tokenizer, ids: list[int]) -> str:
    special = {token.id for token in tokenizer.added_tokens if token.special}
    return tokenizer.decode([i for i in ids if i not in special])


def check_written(ours: Tokenizer, folder: Path, texts: list[str]) -> None:
    """Check that what the tokenizer writes is the same tokenizer, for us and for ``transformers``."""
    files = ours.files()
    again = load_tokenizer(files)
    assert again.files() == files
    assert (again.fingerprint, again.end_of_text, again.end_ids) == (
        ours.fingerprint,
        ours.end_of_text,
        ours.end_ids,
    )
    written = folder / "written"
    written.mkdir()
    for name, content in files.items():
        (written / name).write_text(content, encoding="utf-8")
    source, result = map(transformers.AutoTokenizer.from_pretrained, (folder, written))
    for text in texts:
        ids = ours.encode(text)
        assert again.encode(text) == result(text)["input_ids"] == ids
        assert result.decode(ids, skip_special_tokens=True) == shortened(ours, ids)
    for role in ("bos", "eos", "unk", "pad"):
        if (i := getattr(source, f"{role}_token_id")) is not None:
            assert getattr(result, f"{role}_token_id") == i


ADDED = {"<|user|>": 400, "<|bot|>": 401, "COVID-19": 402}
MAPS: list[dict[str, Any]] = [
    {"added_tokens": ADDED},
    {"added_tokens": ADDED, "special_tokens_map": {"additional_special_tokens": ["<|user|>", "<|bot|>"]}},
    {
        "added_tokens": ADDED,
        "special_tokens_map": {"eos_token": "<|bot|>", "pad_token": {"content": "<|user|>", "lstrip": False}},
    },
    {"tokenizer_config": {"eos_token": "<|user|>", "additional_special_tokens": ["<|bot|>", "COVID-19"]}},
    {"tokenizer_config": {"pad_token": "<|user|>", "extra_special_tokens": ["<|bot|>"]}},
    {
        "tokenizer_config": {
            "added_tokens_decoder": {
                "400": {"content": "<|user|>", "lstrip": True, "rstrip": True, "special": True},
                "401": {"content": "<|bot|>", "normalized": False, "special": True},
                "402": {"content": "COVID-19", "single_word": True, "special": False},
            },
            "pad_token": "<|bot|>",
            "chat_template": "{{ messages }}",
        }
    },
]


@pytest.mark.parametrize("files", MAPS, ids=lambda files: "-".join(files))
def test_every_file_that_adds_tokens_gives_the_ids_of_transformers(
    files: Mapping[str, Any], folder: Path
) -> None:
    ours = load_tokenizer(write(folder, **files))
    check_equal(ours, folder, TEXTS)
    check_written(ours, folder, TEXTS)
    added = {token.content: token.id for token in ours.added_tokens}
    assert {"<|user|>", "<|endoftext|>"} <= added.keys()


def test_a_saved_tokenizer_of_transformers_gives_its_ids(folder: Path, tmp_path: Path) -> None:
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    theirs.add_special_tokens({"additional_special_tokens": ["<|user|>", "<|bot|>"]})
    theirs.add_tokens(["COVID-19", "über"])
    theirs.save_pretrained(tmp_path / "saved")
    write(tmp_path / "saved", config={"model_type": "gpt2"})
    ours = load_tokenizer(tmp_path / "saved")
    check_equal(ours, tmp_path / "saved", TEXTS)
    check_written(ours, tmp_path / "saved", TEXTS)
    assert ours.decode(ours.encode("das über <|bot|>")) == "das über <|bot|>"


FLAGS = ("special", "normalized", "lstrip", "rstrip", "single_word")
CONTENTS = ["<a>", "<ab>", "ab", "b a", "é", "a\u0301", "_", "7", "\n", "<|endoftext|"]
PIECES = [
    *CONTENTS,
    "a",
    "b",
    " ",
    "  ",
    "\t",
    "é",
    "\u0301",
    "7",
    "-",
    "<",
    ">",
    "|>",
    "世",
    "\u00a0",
    "\u200d",
]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.sampled_from(CONTENTS), st.tuples(*[st.booleans()] * 5), min_size=1, max_size=5),
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
)
def test_any_flags_on_any_text_give_the_ids_of_transformers(
    trained: ByteLevelBPE, flags: dict[str, tuple[bool, ...]], text: str
) -> None:
    parts = json.loads(trained.files()["tokenizer.json"])
    for i, (content, values) in enumerate(flags.items(), start=400):
        parts["added_tokens"].append({"id": i, "content": content, **dict(zip(FLAGS, values, strict=True))})
    for i, token in enumerate(parts["added_tokens"]):  # a piece of the vocabulary keeps its id
        token["id"] = parts["model"]["vocab"].get(token["content"], token["id"])
        parts["added_tokens"][i] = token
    fresh = [token for token in parts["added_tokens"] if token["content"] not in parts["model"]["vocab"]]
    for i, token in enumerate(fresh, start=400):
        token["id"] = i
    content = json.dumps(parts)
    ours, theirs = load_tokenizer({"tokenizer.json": content}), tokenizers.Tokenizer.from_str(content)
    if "<|endoftext|>" not in text:  # pieces can form it; it stays ordinary text, see below
        assert ours.encode(text) == theirs.encode(text).ids
    assert load_tokenizer(ours.files()).encode(text) == ours.encode(text)


def test_end_of_text_in_a_text_stays_ordinary_text_beside_added_tokens(folder: Path) -> None:
    ours = load_tokenizer(write(folder, added_tokens=ADDED))
    ids = ours.encode("a<|endoftext|><|bot|>")
    assert ids[-1] == 401
    assert 399 not in ids
    assert ours.decode(ids) == "a<|endoftext|><|bot|>"


def test_a_chunk_is_encoded_as_a_part_of_its_document(folder: Path) -> None:
    ours = load_tokenizer(write(folder, added_tokens=ADDED))
    text = "some text <|user|> and\nmore <|bot|>\nCOVID-19 over"
    for cut in (4, 9, 22, 35, 44):
        parts = [ours.encode_chunk(text[:cut], first=True), ours.encode_chunk(text[cut:], first=False)]
        assert [i for part in parts for i in part.tolist()] == ours.encode(text), cut


def test_another_flag_is_another_fingerprint(folder: Path) -> None:
    found = set()
    for strip in (False, True):
        decoder = {"400": {"content": "<x>", "special": True, "rstrip": strip}}
        found.add(
            load_tokenizer(write(folder, tokenizer_config={"added_tokens_decoder": decoder})).fingerprint
        )
    assert len(found) == 2


# The end of a text


@pytest.mark.parametrize(
    ("files", "end_of_text", "end_ids"),
    [
        ({}, 399, (399,)),
        ({"config": {"eos_token_id": 50256}}, 399, (399,)),  # GPT2Config's own value, outside the vocabulary
        ({"config": {"eos_token_id": 401}}, 399, (401,)),
        (
            {"config": {"eos_token_id": 401}, "generation_config": {"eos_token_id": [402, 399]}},
            399,
            (402, 399),
        ),
        ({"config": {"eos_token_id": 401}, "generation_config": {"eos_token_id": None}}, 399, (401,)),
        ({"tokenizer_config": {"eos_token": "<|bot|>"}}, 401, (401,)),
        ({"special_tokens_map": {"eos_token": {"content": "<|bot|>"}}}, 401, (401,)),
        ({"tokenizer_config": {"eos_token": "<|bot|>"}, "config": {"eos_token_id": 400}}, 401, (400,)),
    ],
)
def test_the_end_of_a_text_is_what_the_folder_declares(
    files: Mapping[str, Any], end_of_text: int, end_ids: tuple[int, ...], folder: Path
) -> None:
    ours = load_tokenizer(write(folder, added_tokens=ADDED, **files))
    assert (ours.end_of_text, ours.end_ids) == (end_of_text, end_ids)
    again = load_tokenizer(ours.files())
    assert (again.end_of_text, again.end_ids) == (end_of_text, end_ids)


def test_without_end_of_text_a_declared_token_or_id_ends_a_text(
    gpt2_toy: dict[str, str], tmp_path: Path
) -> None:
    gpt2_toy["encoder.json"] = gpt2_toy["encoder.json"].replace("<|endoftext|>", "</s>")
    declared = {"tokenizer_config.json": '{"eos_token": "</s>", "bos_token": "<unk>"}'}
    ours = load_tokenizer(gpt2_toy | declared)
    assert (ours.end_of_text, ours.encode("low</s>")) == (20, [0, 1, 2, 20])
    for name, content in gpt2_toy.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    assert load_tokenizer(write(tmp_path, config={"eos_token_id": 20})).end_of_text == 20
    write(tmp_path, config={"eos_token_id": 14})  # an ordinary piece, as GPT2Config's own 50256 may be
    with pytest.raises(ValueError, match="nothing says which of the 21 entries ends a text"):
        load_tokenizer(tmp_path)


def test_gpt1_reads_added_tokens_in_text(gpt1_toy: dict[str, str]) -> None:
    size = len(json.loads(gpt1_toy["encoder_bpe_40000.json"]))
    added = json.dumps({"<speaker1>": size, "<eos>": size + 1})
    config = json.dumps({"word_splitting": "rules", "eos_token": "<eos>", "unk_token": "<unk>"})
    ours = load_tokenizer(gpt1_toy | {"added_tokens.json": added, "tokenizer_config.json": config})
    low, lower = ours.encode("low"), ours.encode("lower")
    assert ours.encode("<speaker1>  Low<eos>lower <Speaker1>") == [size, *low, size + 1, *lower, size]
    assert (ours.end_of_text, ours.end_ids) == (size + 1, (size + 1,))
    assert load_tokenizer(ours.files()).files() == ours.files()
    assert load_tokenizer(gpt1_toy).encode("<unk>") == ours.encode("<unk>")  # ordinary text, as released


# Refusals


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"tokenizer_config": {"add_prefix_space": True}}, "add_prefix_space is True, which puts a space"),
        ({"tokenizer_config": {"add_bos_token": True}}, "add_bos_token is True, which puts bos_token before"),
        ({"tokenizer_config": {"eos_token": 5}}, "special token 5; expected its text"),
        ({"tokenizer_config": {"added_tokens_decoder": {"400": {}}}}, "expected an added token with content"),
        ({"added_tokens": {"<a>": 7}}, r"merges\.txt: id 7 of '\(' and '<a>'; expected different ids"),
        ({"added_tokens": {"<a>": 500}}, r"merges\.txt: no id 400, largest 500; expected the ids 0 to 400"),
        ({"added_tokens": {"<a>": "x"}}, r"added_tokens\.json: id 'x' of '<a>'; expected a whole number"),
        ({"added_tokens": {"!": 400}}, "added token '!' has the id 400, and 0 in the vocabulary"),
        (
            {"generation_config": {"eos_token_id": "x"}},
            "eos_token_id is 'x'; expected an id or a list of ids",
        ),
    ],
)
def test_what_contradicts_the_vocabulary_is_refused_in_one_line(
    files: Mapping[str, Any], message: str, folder: Path
) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        load_tokenizer(write(folder, **files))
    assert "\n" not in str(caught.value)


@pytest.fixture
def template() -> Callable[..., dict[str, Any]]:
    def make(*tokens: str) -> dict[str, Any]:
        processor = tokenizers.processors.TemplateProcessing(
            single=" ".join([*tokens, "$A"]), special_tokens=[(token, 1) for token in tokens]
        )
        content = tokenizers.Tokenizer(tokenizers.models.BPE())
        content.post_processor = processor
        parts: dict[str, Any] = json.loads(content.to_str())["post_processor"]
        return parts

    return make


def test_a_template_that_adds_nothing_is_accepted(
    trained: ByteLevelBPE, template: Callable[..., dict[str, Any]]
) -> None:
    parts = json.loads(trained.files()["tokenizer.json"])
    for processor in (template(), {"type": "Sequence", "processors": [template()]}):
        parts["post_processor"] = processor
        assert load_tokenizer({"tokenizer.json": json.dumps(parts)}).fingerprint == trained.fingerprint


def test_a_template_that_adds_tokens_is_refused_by_their_names(
    trained: ByteLevelBPE, template: Callable[..., dict[str, Any]]
) -> None:
    parts = json.loads(trained.files()["tokenizer.json"])
    for processor in (template("<s>", "<t>"), {"type": "Sequence", "processors": [template("<s>", "<t>")]}):
        parts["post_processor"] = processor
        with pytest.raises(ValueError, match="its post_processor adds <s>, <t> to every text"):
            load_tokenizer({"tokenizer.json": json.dumps(parts)})


def test_a_lower_case_tokenizer_finds_normalized_tokens_in_any_case() -> None:
    tokens = [AddedToken("mr. fox", 7, special=False, normalized=True), AddedToken("<X>", 8)]
    splitter = TextSplitter(tokens, lowercase=True)
    assert splitter.split("A Mr. Fox <X> <x>") == ["A ", 7, " ", 8, " <x>"]
