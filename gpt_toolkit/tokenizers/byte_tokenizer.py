"""Bytes as tokens: no vocabulary to train or to fetch."""

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gpt_toolkit.tokenizers import tokenizer_json
from gpt_toolkit.tokenizers.bpe_table import BYTE_TO_CHARACTER, BPETable
from gpt_toolkit.tokenizers.bpe_table import END_OF_TEXT as MARK
from gpt_toolkit.tokenizers.check_input import check_ids, check_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

END_OF_TEXT = 256


class RawBytes:
    """A text's UTF-8 bytes are its ids; 256 ends a text.

    GPT-2 §2.2 weighs it against byte-level BPE: it can write any text, at the price of longer sequences.
    """

    name = "bytes"
    vocab_size = 257
    end_of_text = END_OF_TEXT
    fingerprint = hashlib.sha256(b"gpt_toolkit raw bytes 1").hexdigest()[:16]

    def encode(self, text: str) -> list[int]:
        """Ids of a text."""
        check_text(text)
        return list(text.encode())

    def encode_chunk(self, text: str, *, first: bool) -> "NDArray[np.uint32]":
        """Ids of one chunk of a document; ``first`` makes no difference here."""
        import numpy as np

        check_text(text)
        return np.frombuffer(text.encode(), np.uint8).astype(np.uint32)

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids; bytes that are no UTF-8 become replacement characters."""
        return self.decode_bytes(ids).decode(errors="replace")

    def decode_bytes(self, ids: Sequence[int]) -> bytes:
        """Bytes of ids, for text that arrives token by token."""
        check_ids(ids, self.vocab_size)
        if END_OF_TEXT not in ids:
            return bytes(ids)
        return b"".join(MARK.encode() if i == END_OF_TEXT else bytes((i,)) for i in ids)

    def files(self) -> dict[str, str]:
        """A byte-level BPE without merges, ids in byte order: ``transformers`` reads it to equal ids."""
        vocabulary = {shown: byte for byte, shown in sorted(BYTE_TO_CHARACTER.items())} | {MARK: END_OF_TEXT}
        return {
            "tokenizer.json": tokenizer_json.write_byte_level(BPETable(vocabulary, [], {MARK: END_OF_TEXT})),
            "tokenizer_config.json": tokenizer_json.write_config(MARK, unk_token=MARK),
        }


def is_raw_bytes(table: BPETable) -> bool:
    """Whether a byte-level table is the one that :meth:`RawBytes.files` writes."""
    return not table.merges and table.by_id() == [*map(BYTE_TO_CHARACTER.__getitem__, range(256)), MARK]
