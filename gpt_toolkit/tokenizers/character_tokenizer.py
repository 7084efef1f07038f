"""Characters as tokens: the vocabulary of nanoGPT's examples (karpathy/nanoGPT: data/shakespeare_char)."""

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from gpt_toolkit.tokenizers import tokenizer_json
from gpt_toolkit.tokenizers.bpe_table import AddedToken, BPETable, check_ids

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class CharacterTokenizer:
    """A tokenizer of the characters of one text; a text with others is refused.

    It has no end-of-text token: the line break begins a text, and generation ends at its largest length.

    Args:
        table: Ids of the characters, without merges.
    """

    end_ids: tuple[int, ...] = ()
    added_tokens: tuple[AddedToken, ...] = ()

    def __init__(self, table: BPETable) -> None:
        if table.added:
            raise ValueError(
                f"{table.origin}: adds {table.added[0].content!r} to a vocabulary of characters; expected no "
                "added tokens; such tokenizers are not implemented"
            )
        table.check(table.vocabulary)
        self._table = table
        self._ids = dict(table.vocabulary)
        self._characters = table.by_id()
        self.vocab_size = len(self._characters)
        self.name = f"characters-{self.vocab_size}"
        self.end_of_text = self._ids.get("\n", 0)

    @functools.cached_property
    def fingerprint(self) -> str:
        """Hash of the characters by id."""
        text = "gpt_toolkit characters 1" + "".join(self._characters)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text; the end of text is not added."""
        try:
            return [self._ids[character] for character in text]
        except KeyError as error:
            raise ValueError(
                f"text: holds {error.args[0]!r}; expected one of the {self.vocab_size} characters of the "
                "vocabulary; replace it, or train a model on raw bytes"
            ) from None

    def encode_chunk(self, text: str, *, first: bool) -> "NDArray[np.uint32]":
        """Return the ids of one chunk of a document; ``first`` makes no difference."""
        import numpy as np

        return np.array(self.encode(text), np.uint32)

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids."""
        check_ids(ids, self.vocab_size)
        return "".join([self._characters[i] for i in ids])

    def decode_bytes(self, ids: Sequence[int]) -> bytes:
        """Return the bytes of ids, for text that arrives token by token."""
        return self.decode(ids).encode()

    def files(self) -> dict[str, str]:
        """Return a BPE without merges, with which ``AutoTokenizer`` gives equal ids."""
        config = {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False}
        return {
            "tokenizer.json": tokenizer_json.write_characters(self._table),
            "tokenizer_config.json": json.dumps(config, indent=2) + "\n",
        }

    def __reduce__(self) -> tuple[type["CharacterTokenizer"], tuple[BPETable]]:
        return CharacterTokenizer, (self._table,)


def character_table(ids: Mapping[str, object], origin: str) -> BPETable:
    """Return the vocabulary of characters with the given ids.

    Raises:
        ValueError: If a key is not one character, or a value not an id.
    """
    for character, i in ids.items():
        if not isinstance(character, str) or len(character) != 1 or type(i) is not int:
            raise ValueError(f"{origin}: {character!r:.50} has the id {i!r:.50}; expected characters and ids")
    return BPETable(dict(ids), [], origin=origin)  # type: ignore[arg-type]


def is_character_table(table: BPETable) -> bool:
    """Return whether a vocabulary is one that :meth:`CharacterTokenizer.files` writes."""
    is_json = not table.first_line
    return is_json and not table.merges and all(len(piece) == 1 for piece in table.vocabulary)
