"""GPT-1's BPE (GPT-1 §4.1) on cleaned, lower-case words, merged by Hugging Face's tokenizers."""

import functools
import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gpt_toolkit.tokenizers import tokenizer_json
from gpt_toolkit.tokenizers.added_tokens import END_IDS, TextSplitter
from gpt_toolkit.tokenizers.bpe_table import BPETable, check_ids, check_text
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

MOST_CACHED_WORDS = 500_000
LONGEST_CACHED_WORD = 50
"""Limits of the cache of words. Tuned here: at most some 200 MB; a novel has 10,000 different words."""


class GPT1BPE:
    """Text encoder of the released code: text cleaning, then BPE within each word.

    The released vocabulary has no special token between documents. ``end_of_text`` is its line break, 40477.
    Pre-training on running text has learned it as a break, and it adds no row to the released weights. A
    declared ``eos_token`` takes its place. ``<unk>`` inside a text is ordinary text; all other added tokens
    are found in a text as ``transformers`` finds them.

    Args:
        table: Pieces with ``</w>`` at the end of words, and ``<unk>``.
        word_splitting: ``spacy`` as in the paper, the toolkit's ``rules``, or ``auto``: spaCy if it is
            installed, otherwise the rules with a warning.
    """

    def __init__(self, table: BPETable, word_splitting: WordSplitting = "auto") -> None:
        if UNKNOWN not in table.vocabulary:
            raise ValueError(f"{table.origin}: no {UNKNOWN!r}; expected it, as in every GPT-1 vocabulary")
        characters = {piece for piece in table.vocabulary if len(piece.removesuffix(END_OF_WORD)) == 1}
        table.check(characters)
        self._table = table
        self._pieces = table.by_id()
        self._unknown = table.vocabulary[UNKNOWN]
        self._words: dict[str, list[int]] = {}
        self.word_splitting = resolve_word_splitting(word_splitting)
        self._split = splitter(self.word_splitting)
        self.vocab_size = len(self._pieces)
        end_of_text = table.declared.get("eos_token", NEW_LINE)
        self.end_of_text = table.entries.get(end_of_text, self._unknown)
        self.end_ids: tuple[int, ...] = tuple(table.declared.get(END_IDS, ())) or (self.end_of_text,)
        self.added_tokens = table.added
        self._in_text = [token for token in table.added if token.content != UNKNOWN]

    @property
    def name(self) -> str:
        """``gpt1`` for a vocabulary of the released size, otherwise the kind and the size."""
        return "gpt1" if self.vocab_size == RELEASED_SIZE else f"gpt1-bpe-{self.vocab_size}"

    @functools.cached_property
    def fingerprint(self) -> str:
        """Hash of pieces, merges, added tokens and word splitting, without the versions of ftfy and spaCy."""
        digest = hashlib.sha256(f"gpt_toolkit GPT-1 BPE 1 {self.word_splitting}".encode())
        digest.update("".join(map(repr, self._in_text)).encode())
        digest.update("\0".join([*self._pieces, ""]).encode())
        digest.update("\0".join(map(" ".join, self._table.merges)).encode())
        return digest.hexdigest()[:16]

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text; characters outside the vocabulary become ``<unk>``."""
        return self._encode(text, first=True)

    def encode_chunk(self, text: str, *, first: bool) -> "NDArray[np.uint32]":
        """Return the ids of one chunk of a document cut by :func:`~gpt_toolkit.tokenizers.safe_cut`.

        The chunks' ids are the document's if the cuts are at line breaks, which ``safe_cut`` prefers. A cut
        within a line differs only where ftfy would have repaired characters on both sides together.

        Args:
            text: The chunk.
            first: Whether it begins the document; a later chunk keeps the line break at its start.
        """
        import numpy as np

        return np.array(self._encode(text, first=first), np.uint32)

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids: cleaned, lower-case words with one space between them."""
        return self.decode_bytes(ids).decode().removesuffix(" ")

    def decode_bytes(self, ids: Sequence[int]) -> bytes:
        """Return the bytes of ids, for text that arrives token by token; a complete word ends in a space."""
        check_ids(ids, self.vocab_size)
        text = "".join([self._pieces[i] for i in ids])
        return text.replace(NEW_LINE, "\n").replace(END_OF_WORD, " ").encode()

    def files(self) -> dict[str, str]:
        """Return ``tokenizer.json`` and its config, for ``transformers.AutoTokenizer``.

        The format cannot express ftfy and spaCy. Its ids equal those of ``word_splitting="rules"`` wherever
        ftfy repairs nothing. Text that is already cleaned and split gives equal ids in any case.
        """
        return {
            "tokenizer.json": tokenizer_json.write_gpt1(self._table, UNKNOWN),
            "tokenizer_config.json": tokenizer_json.write_config(
                self._table,
                self._pieces[self.end_of_text],
                unk_token=UNKNOWN,
                word_splitting=self.word_splitting,
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

    @functools.cached_property
    def _splitter(self) -> TextSplitter:
        return TextSplitter(self._in_text, lowercase=True)

    def _encode(self, text: str, *, first: bool) -> list[int]:
        check_text(text)
        if not self._in_text:
            return self._encode_ordinary(text, first=first)
        ids: list[int] = []
        for number, part in enumerate(self._splitter.split(text)):
            if isinstance(part, str):
                ids += self._encode_ordinary(part, first=first and number == 0)
            else:
                ids.append(part)
        return ids

    def _encode_ordinary(self, text: str, *, first: bool) -> list[int]:
        ids: list[int] = []
        cached = self._words
        for word in clean(text, first=first).split(" "):
            try:
                ids += cached[word]
            except KeyError:
                ids += self._encode_word(word)
        return ids

    def _encode_word(self, word: str) -> list[int]:
        if word == "\n":
            ids = [self._table.vocabulary.get(NEW_LINE, self._unknown)]
        else:
            ids = [token.id for piece in self._split(word) for token in self._model.tokenize(piece)]
        if len(word) <= LONGEST_CACHED_WORD:
            if len(self._words) >= MOST_CACHED_WORDS:
                self._words.clear()
            self._words[word] = ids
        return ids
