"""Bytes as tokens: no vocabulary to train or to download."""

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gpt_toolkit.tokenizers import tokenizer_json
from gpt_toolkit.tokenizers.bpe_table import (
    BYTE_TO_CHARACTER,
    END_OF_TEXT,
    AddedToken,
    BPETable,
    check_ids,
    check_text,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class ByteTokenizer:
    """A tokenizer whose ids are a text's UTF-8 bytes; 256 ends a text.

    GPT-2 §2.2 compares it with byte-level BPE: it can write any text, but sequences are longer.
    """

    name = "bytes"
    vocab_size = 257
    end_of_text = 256
    end_ids = (256,)
    added_tokens = (AddedToken(END_OF_TEXT, 256),)
    fingerprint = hashlib.sha256(b"gpt_toolkit raw bytes 1").hexdigest()[:16]

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text; the end of text is not added."""
        check_text(text)
        return list(text.encode())

    def encode_chunk(self, text: str, *, first: bool) -> "NDArray[np.uint32]":
        """Return the ids of one chunk of a document; ``first`` makes no difference."""
        import numpy as np

        check_text(text)
        return np.frombuffer(text.encode(), np.uint8).astype(np.uint32)

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids; bytes that are not UTF-8 become replacement characters."""
        return self.decode_bytes(ids).decode(errors="replace")

    def decode_bytes(self, ids: Sequence[int]) -> bytes:
        """Return the bytes of ids, for text that arrives token by token."""
        check_ids(ids, self.vocab_size)
        if self.end_of_text not in ids:
            return bytes(ids)
        return b"".join(END_OF_TEXT.encode() if i == self.end_of_text else bytes((i,)) for i in ids)

    def files(self) -> dict[str, str]:
        """Return a byte-level BPE without merges, with which ``AutoTokenizer`` gives equal ids."""
        vocabulary = {shown: byte for byte, shown in sorted(BYTE_TO_CHARACTER.items())}
        vocabulary[END_OF_TEXT] = self.end_of_text
        table = BPETable(vocabulary, [], self.added_tokens)
        return {
            "tokenizer.json": tokenizer_json.write_byte_level(table),
            "tokenizer_config.json": tokenizer_json.write_config(table, END_OF_TEXT, unk_token=END_OF_TEXT),
        }


def is_byte_table(table: BPETable) -> bool:
    """Return whether a byte-level table is the one that :meth:`ByteTokenizer.files` writes."""
    pieces = [*map(BYTE_TO_CHARACTER.__getitem__, range(256)), END_OF_TEXT]
    return not table.merges and table.by_id() == pieces
