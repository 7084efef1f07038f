import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from gpt_toolkit.tokenizers import Tokenizer, load_tokenizer
from gpt_toolkit.tokenizers.character_tokenizer import CharacterTokenizer, character_table

TEXT = "Hé, 世界 👋\n\n ok Ġ"
IDS = {character: i for i, character in enumerate(sorted(set(TEXT)))}


@pytest.fixture
def characters() -> CharacterTokenizer:
    return CharacterTokenizer(character_table(IDS, "meta.pkl"))


def test_ids_are_those_of_the_characters(characters: CharacterTokenizer) -> None:
    assert characters.encode(TEXT) == [IDS[character] for character in TEXT]
    assert characters.encode_chunk(TEXT, first=True).tolist() == characters.encode(TEXT)
    assert characters.decode(characters.encode(TEXT)) == TEXT
    assert b"".join(characters.decode_bytes([i]) for i in characters.encode(TEXT)).decode() == TEXT
    assert characters.vocab_size == len(IDS)


def test_a_text_begins_at_the_line_break_and_has_no_end(characters: CharacterTokenizer) -> None:
    assert characters.end_of_text == IDS["\n"]
    assert characters.end_ids == ()


def test_its_files_are_the_same_tokenizer_for_us_and_for_transformers(
    characters: CharacterTokenizer, from_transformers: Callable[[Tokenizer], Any]
) -> None:
    for again in (load_tokenizer(characters.files()), pickle.loads(pickle.dumps(characters))):
        assert isinstance(again, CharacterTokenizer)
        assert again.fingerprint == characters.fingerprint
        assert again.files() == characters.files()
    theirs = from_transformers(characters)
    ids = characters.encode(TEXT)
    assert theirs(TEXT)["input_ids"] == ids
    assert theirs.decode(ids) == TEXT
    assert len(theirs) == characters.vocab_size


def test_another_character_is_refused_by_name(characters: CharacterTokenizer) -> None:
    with pytest.raises(ValueError, match="text: holds 'x'; expected one of the 11 characters"):
        characters.encode("Hx")
    with pytest.raises(ValueError, match="token id: 11; expected 0 to 10, an id of the vocabulary"):
        characters.decode([11])


def test_what_is_not_a_list_of_characters_is_refused(characters: CharacterTokenizer) -> None:
    for ids in ({"ab": 0}, {"a": "0"}, {1: 0}, {"": 0}):
        with pytest.raises(ValueError, match=r"meta\.pkl: .* expected characters and ids"):
            character_table(ids, "meta.pkl")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"meta\.pkl: no id 1, largest 2; expected the ids 0 to 1 for 2"):
        CharacterTokenizer(character_table({"a": 0, "b": 2}, "meta.pkl"))
    parts = json.loads(characters.files()["tokenizer.json"])
    parts["added_tokens"] = [{"id": 11, "content": "<s>"}]
    with pytest.raises(ValueError, match="adds '<s>' to a vocabulary of characters"):
        load_tokenizer({"tokenizer.json": json.dumps(parts)})
