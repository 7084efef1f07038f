"""GPT-1's BPE (GPT-1 §4.1) on cleaned, lower-case words; merged by Hugging Face's tokenizers."""

import functools
import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gpt_toolkit.tokenizers import tokenizer_json
from gpt_toolkit.tokenizers.bpe_table import BPETable
from gpt_toolkit.tokenizers.check_input import check_ids, check_text
from gpt_toolkit.tokenizers.gpt1_normalize import WordSplitting, clean, resolve_word_splitting, splitter
from gpt_toolkit.tokenizers.tokenizer_json import END_OF_WORD

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from tokenizers.models import BPE

UNKNOWN = "<unk>"
NEW_LINE = "\n" + END_OF_WORD
RELEASED_SIZE = 40_478
"""1 unknown, 2 x 238 characters, 40,000 merges, 1 line break (released code: encoder_bpe_40000.json)."""

WORDS_KEPT = 500_000
LONGEST_KEPT = 50
"""Words whose ids are remembered, and how long; ours: at most some 200 MB; a novel has 10,000 words."""


class GPT1BPE:
    """Text encoder of the released code: text cleaning, then BPE within each word.

    The released vocabulary has no mark between documents. ``end_of_text`` is its line break, 40477: an entry
    that pre-training on running text has learned as a break, and that adds no row to the released weights.

    Args:
        table: Pieces with ``</w>`` at the end of words, and ``<unk>``.
        word_splitting: Who splits words: ``spacy`` as in the paper, our own ``rules``, or ``auto``: spaCy
            where it is installed, else the rules with a warning.
    """

    def __init__(self, table: BPETable, word_splitting: WordSplitting = "auto") -> None:
        if UNKNOWN not in table.vocabulary:
            raise ValueError(f"{table.origin}: has no {UNKNOWN!r}, which every GPT-1 vocabulary has.")
        characters = {piece for piece in table.vocabulary if len(piece.removesuffix(END_OF_WORD)) == 1}
        table.check(characters)
        self._table = table
        self._pieces = table.by_id()
        self._unknown = table.vocabulary[UNKNOWN]
        self._words: dict[str, list[int]] = {}
        self.word_splitting = resolve_word_splitting(word_splitting)
        self._split = splitter(self.word_splitting)
        self.vocab_size = len(self._pieces)
        self.end_of_text = table.vocabulary.get(NEW_LINE, self._unknown)

    @property
    def name(self) -> str:
        """``gpt1`` for a vocabulary of the released size, else the kind and the size."""
        return "gpt1" if self.vocab_size == RELEASED_SIZE else f"gpt1-bpe-{self.vocab_size}"

    @functools.cached_property
    def fingerprint(self) -> str:
        """Hash of pieces, merges and the kind of word splitting; versions of ftfy and spaCy are not in it."""
        digest = hashlib.sha256(f"gpt_toolkit GPT-1 BPE 1 {self.word_splitting}".encode())
        digest.update("\0".join([*self._pieces, ""]).encode())
        digest.update("\0".join(map(" ".join, self._table.merges)).encode())
        return digest.hexdigest()[:16]

    def encode(self, text: str) -> list[int]:
        """Ids of a text; what the vocabulary lacks becomes ``<unk>``."""
        return self._encode(text, first=True)

    def encode_chunk(self, text: str, *, first: bool) -> "NDArray[np.uint32]":
        """Ids of one chunk of a document that :func:`~gpt_toolkit.tokenizers.safe_cut` cut.

        The chunks' ids are the document's if the cuts are at line breaks, which ``safe_cut`` prefers. A cut
        within a line differs only where ftfy would have mended characters on both sides of it by one
        decision.

        Args:
            text: The chunk.
            first: Whether it begins the document; a later one keeps the line break it begins with.
        """
        import numpy as np

        return np.array(self._encode(text, first=first), np.uint32)

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids: words with one blank between, as cleaned; upper case is gone."""
        return self.decode_bytes(ids).decode().removesuffix(" ")

    def decode_bytes(self, ids: Sequence[int]) -> bytes:
        """Bytes of ids, for text that arrives token by token; a finished word ends in a blank."""
        check_ids(ids, self.vocab_size)
        text = "".join([self._pieces[i] for i in ids])
        return text.replace(NEW_LINE, "\n").replace(END_OF_WORD, " ").encode()

    def files(self) -> dict[str, str]:
        """``tokenizer.json`` and its config, for ``transformers.AutoTokenizer``.

        Its ids are equal to those of ``word_splitting="rules"`` wherever ftfy has nothing to mend: ftfy and
        spaCy cannot be written into the format. Text that is cleaned and split already gives equal ids in any
        case.
        """
        return {
            "tokenizer.json": tokenizer_json.write_gpt1(self._table, UNKNOWN),
            "tokenizer_config.json": tokenizer_json.write_config(
                self._pieces[self.end_of_text], unk_token=UNKNOWN, word_splitting=self.word_splitting
            ),
        }

    def __reduce__(self) -> tuple[type["GPT1BPE"], tuple[BPETable, str]]:
        return GPT1BPE, (self._table, self.word_splitting)

    @functools.cached_property
    def _model(self) -> "BPE":
        from tokenizers.models import BPE

        return BPE(
            vocab=dict(self._table.vocabulary),
            merges=list(self._table.merges),
            unk_token=UNKNOWN,
            end_of_word_suffix=END_OF_WORD,
        )

    def _encode(self, text: str, *, first: bool) -> list[int]:
        check_text(text)
        ids: list[int] = []
        remembered = self._words
        for word in clean(text, first=first).split(" "):
            try:
                ids += remembered[word]
            except KeyError:
                ids += self._encode_word(word)
        return ids

    def _encode_word(self, word: str) -> list[int]:
        if word == "\n":
            ids = [self._table.vocabulary.get(NEW_LINE, self._unknown)]
        else:
            ids = [token.id for piece in self._split(word) for token in self._model.tokenize(piece)]
        if len(word) <= LONGEST_KEPT:
            if len(self._words) >= WORDS_KEPT:
                self._words.clear()
            self._words[word] = ids
        return ids
