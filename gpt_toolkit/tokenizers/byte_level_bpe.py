"""GPT-2's byte-level BPE (GPT-2 §2.2), encoded by tiktoken."""

import functools
import hashlib
import itertools
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gpt_toolkit.tokenizers import tokenizer_json
from gpt_toolkit.tokenizers.added_tokens import END_IDS, TextSplitter
from gpt_toolkit.tokenizers.bpe_table import (
    BYTE_TO_CHARACTER,
    CHARACTER_TO_BYTE,
    END_OF_TEXT,
    BPETable,
    check_ids,
    check_text,
)
from gpt_toolkit.tokenizers.gigatoken_encoder import Encode, GigatokenEncoder, has_gigatoken

if TYPE_CHECKING:
    import numpy as np
    import tiktoken
    from numpy.typing import NDArray

# GPT-2 released code, encoder.py. Possessive quantifiers and the branch for spaces at the end change no
# piece; they avoid backtracking through long runs.
SPLIT = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s+"

GPT2_FINGERPRINT = "e99511c6b466e602"
"""Fingerprint of the released vocabulary of 50,257 ids."""

# Whitespace as tiktoken defines it: fewer control characters than Python's.
_long_spaces = re.compile(r"[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]{1000,}")


class ByteLevelBPE:
    """Byte-level BPE with GPT-2's split: any text, no unknown token, no normalization.

    ``<|endoftext|>`` inside a text is ordinary text, as in the released encoder; ``transformers`` reads it as
    the special token. All other added tokens are found in a text as ``transformers`` finds them.

    Args:
        table: Pieces as GPT-2's files show them. The declared ``eos_token`` ends a text; without one
            ``<|endoftext|>`` does, or the only added token.
    """

    def __init__(self, table: BPETable) -> None:
        table.check(CHARACTER_TO_BYTE)
        self._table = table
        self._bytes = _bytes_by_id(table)
        self.vocab_size = len(self._bytes)
        self.end_of_text = _end_of_text(table)
        self.end_ids: tuple[int, ...] = tuple(table.declared.get(END_IDS, ())) or (self.end_of_text,)
        self.added_tokens = table.added
        self._in_text = [token for token in table.added if token.content != END_OF_TEXT]
        self._ranks = self._mergeable()
        if self.fingerprint != GPT2_FINGERPRINT:
            self._check_ranks()

    @property
    def name(self) -> str:
        """``gpt2`` for the released vocabulary, otherwise the kind and the size."""
        return "gpt2" if self.fingerprint == GPT2_FINGERPRINT else f"bpe-{self.vocab_size}"

    @functools.cached_property
    def fingerprint(self) -> str:
        """Hash of everything that determines the ids: pieces, merges, added tokens and the end of text."""
        added = sorted(token.content for token in self._table.added)
        digest = hashlib.sha256(f"gpt_toolkit byte-level BPE 1 {self.end_of_text} {added}".encode())
        digest.update("".join(map(repr, self._in_text)).encode())
        digest.update("\0".join([*self._table.by_id(), ""]).encode())
        digest.update("\0".join(map(" ".join, self._table.merges)).encode())
        return digest.hexdigest()[:16]

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text; the end of text is not added."""
        ids: list[int] = self._encode(text, self._encode_ordinary).tolist()
        return ids

    def encode_chunk(self, text: str, *, first: bool) -> "NDArray[np.uint32]":
        """Encode one chunk of a document cut by :func:`~gpt_toolkit.tokenizers.safe_cut`; safe in threads.

        A piece of GPT-2's split has whitespace only at its start, and looks ahead one character of
        whitespace. So no piece crosses such a cut, and ``first`` makes no difference. An added token that
        includes whitespace may be cut.
        """
        return self._encode(text, self._gigatoken or self._encode_ordinary)

    def _encode(self, text: str, encode_ordinary: Encode) -> "NDArray[np.uint32]":
        import numpy as np

        check_text(text)
        if not any(token.content in text for token in self._in_text):
            return encode_ordinary(text)
        parts = self._splitter.split(text)
        return np.concatenate(
            [
                encode_ordinary(part) if isinstance(part, str) else np.array([part], np.uint32)
                for part in parts
            ]
        )

    @functools.cached_property
    def _gigatoken(self) -> GigatokenEncoder | None:
        """Encoder of long texts; None if it is not installed, or the vocabulary lacks a byte."""
        if self._absent or not has_gigatoken():
            return None
        return GigatokenEncoder(tokenizer_json.write_byte_level(self._table), self._encode_ordinary)

    def _encode_ordinary(self, text: str) -> "NDArray[np.uint32]":
        """Encode text without added tokens."""
        try:
            ids = self._encoding.encode_to_numpy(text, disallowed_special=())
        except ValueError:  # the matcher's stack is too small for a very long run of spaces
            ids = self._encode_long_spaces(text)
        if self._absent and ids.size and ids.max() >= self.vocab_size:
            byte = self._absent[int(ids[ids >= self.vocab_size][0])]
            raise ValueError(f"text: byte 0x{byte:02X}; expected bytes that have a piece in the vocabulary")
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids; bytes that are not UTF-8 become replacement characters."""
        return self.decode_bytes(ids).decode(errors="replace")

    def decode_bytes(self, ids: Sequence[int]) -> bytes:
        """Return the bytes of ids, for text that arrives token by token."""
        check_ids(ids, self.vocab_size)
        return b"".join([self._bytes[i] for i in ids])

    def files(self) -> dict[str, str]:
        """Return ``tokenizer.json`` and its config, with which ``AutoTokenizer`` gives equal ids."""
        end_of_text = self._table.by_id()[self.end_of_text]
        unknown = END_OF_TEXT if END_OF_TEXT in self._table.entries else end_of_text  # as in transformers
        return {
            "tokenizer.json": tokenizer_json.write_byte_level(self._table),
            "tokenizer_config.json": tokenizer_json.write_config(self._table, end_of_text, unk_token=unknown),
        }

    def __reduce__(self) -> tuple[type["ByteLevelBPE"], tuple[BPETable]]:
        return ByteLevelBPE, (self._table,)

    def _mergeable(self) -> dict[bytes, int]:
        """Return the rank, its id, of every piece that merging can reach, by its bytes."""
        vocabulary, merges = self._table.vocabulary, self._table.merges
        ranks = {bytes((byte,)): vocabulary.get(shown, -1) for byte, shown in BYTE_TO_CHARACTER.items()}
        self._absent: dict[int, int] = {}
        for byte in range(256):
            if ranks[bytes((byte,))] < 0:
                ranks[bytes((byte,))] = self.vocab_size + len(self._absent)
                self._absent[ranks[bytes((byte,))]] = byte
        last = -1
        for rank, (left, right) in enumerate(merges):
            i = vocabulary[left + right]
            if i <= last:
                raise ValueError(
                    f"{self._table.place(rank)}: id {i} of {left + right!r}; expected more than {last}, the "
                    "id of an earlier merge; use a vocabulary whose ids rise with the merges, as GPT-2's do"
                )
            ranks[self._bytes[i]] = last = i
        return ranks

    @functools.cached_property
    def _splitter(self) -> TextSplitter:
        return TextSplitter(self._in_text)

    @functools.cached_property
    def _encoding(self) -> "tiktoken.Encoding":
        import tiktoken

        special_tokens = {END_OF_TEXT: self.end_of_text}
        return tiktoken.Encoding(
            "gpt_toolkit", pat_str=SPLIT, mergeable_ranks=self._ranks, special_tokens=special_tokens
        )

    def _encode_long_spaces(self, text: str) -> "NDArray[np.uint32]":
        import numpy as np

        # The last space of a run belongs to the text after it; a run at the end is one match.
        ends = [match.end() for match in _long_spaces.finditer(text)]
        cuts = [0, *(end - 1 for end in ends if end < len(text)), len(text)]
        parts = [text[start:end] for start, end in itertools.pairwise(cuts)]
        return np.concatenate([self._encoding.encode_to_numpy(part, disallowed_special=()) for part in parts])

    def _check_ranks(self) -> None:
        """Raise if tiktoken's ids would differ from those of the merges.

        tiktoken merges two neighbors whenever their bytes together are a piece; the original merges only
        listed pairs. They agree on every text if and only if the merges turn the bytes of each merged piece
        into that piece. This holds for every trained vocabulary.
        """
        from tokenizers.models import BPE

        model = BPE(vocab=dict(self._table.vocabulary), merges=list(self._table.merges))
        for rank, (left, right) in enumerate(self._table.merges):
            if len(model.tokenize(left + right)) != 1:
                raise ValueError(
                    f"{self._table.place(rank)}: {left!r} and {right!r}; expected a merge that can occur, "
                    f"but earlier merges split {left + right!r} in another way; put the merges in their order"
                )


def _bytes_by_id(table: BPETable) -> list[bytes]:
    """Return the bytes of each piece; those of an added token are its text."""
    pieces = _pieces(table)
    added = {token.content for token in table.added} - pieces
    return [piece.encode() if piece in added else _piece_bytes(piece) for piece in table.by_id()]


def _pieces(table: BPETable) -> set[str]:
    """Return the bytes and what merges make of them, as the file writes them."""
    return {*CHARACTER_TO_BYTE, *("".join(pair) for pair in table.merges)}


def _piece_bytes(piece: str) -> bytes:
    try:
        return bytes([CHARACTER_TO_BYTE[character] for character in piece])
    except KeyError:  # a special token that is not declared as one
        return piece.encode()


def _end_of_text(table: BPETable) -> int:
    contents = [table.declared.get("eos_token"), END_OF_TEXT]
    if ids := table.declared.get(END_IDS):
        contents += {table.by_id()[ids[0]]} - _pieces(
            table
        )  # GPT2Config's own 50256 may be an ordinary piece
    contents += [token.content for token in table.added] if len(table.added) == 1 else []
    for content in contents:
        if content in table.entries:
            return table.entries[content]
    added = ", ".join(repr(token.content) for token in table.added) or "none"
    raise ValueError(
        f"{table.origin}: nothing says which of the {table.size} entries ends a text; expected "
        f"{END_OF_TEXT!r} or exactly one added token, found {added}; name one as eos_token in "
        "tokenizer_config.json"
    )
