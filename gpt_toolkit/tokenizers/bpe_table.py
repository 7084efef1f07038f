"""Byte-pair vocabularies as their files write them, and checks of text and ids."""

import itertools
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

END_OF_TEXT = "<|endoftext|>"
"""GPT-2's end of text (released code: encoder.json, last entry)."""

# GPT-2's files show a byte as a printable character: its own, or one from U+0100 on.
_printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
_others = [byte for byte in range(256) if byte not in _printable]
BYTE_TO_CHARACTER: dict[int, str] = {byte: chr(byte) for byte in _printable} | {
    byte: chr(256 + n) for n, byte in enumerate(_others)
}
"""Character of each byte in GPT-2's files, in the order of the released ids (0 to 255)."""

CHARACTER_TO_BYTE: dict[str, int] = {character: byte for byte, character in BYTE_TO_CHARACTER.items()}


@dataclass(frozen=True)
class AddedToken:
    """A token that no merge makes, with the flags of Hugging Face's tokenizers.

    Attributes:
        content: The text that it stands for.
        id: Its id.
        special: Whether ``transformers`` can leave it out of decoded text.
        normalized: Whether it is searched for in normalized text, after those that are not.
        lstrip, rstrip: Whether it includes the whitespace before or after it.
        single_word: Whether it must not touch letters or digits.
    """

    content: str
    id: int
    special: bool = True
    normalized: bool = False
    lstrip: bool = False
    rstrip: bool = False
    single_word: bool = False


@dataclass(frozen=True)
class BPETable:
    """A byte-pair vocabulary.

    Attributes:
        vocabulary: Id of each piece, as the file writes the piece.
        merges: Pairs of pieces that become one, by rank.
        added: Tokens that no merge makes, such as the end of text; the vocabulary may hold them, too.
        declared: Fields of ``tokenizer_config.json`` that are kept, such as ``eos_token``.
        origin: Name of the file, for messages.
        first_line: Line of the first merge in ``origin``; 0 where merges are a list in JSON.
    """

    vocabulary: Mapping[str, int]
    merges: list[tuple[str, str]]
    added: tuple[AddedToken, ...] = ()
    declared: Mapping[str, Any] = field(default_factory=dict)
    origin: str = "vocabulary"
    first_line: int = 0

    @property
    def entries(self) -> dict[str, int]:
        """Id of each piece and added token."""
        return {**self.vocabulary, **{token.content: token.id for token in self.added}}

    @property
    def size(self) -> int:
        """Number of ids."""
        return len(self.entries)

    def place(self, rank: int) -> str:
        """Return the place of a merge in the file, for messages."""
        where = f"line {self.first_line + rank}" if self.first_line else f"merge {rank}"
        return f"{self.origin}, {where}"

    def by_id(self) -> list[str]:
        """Return all pieces and added tokens, by id."""
        entries = self.entries
        return sorted(entries, key=entries.__getitem__)

    def check(self, symbols: Collection[str]) -> None:
        """Check that ids are complete, and that earlier merges make the parts of every merge.

        Args:
            symbols: Symbols that text is split into before the first merge; the vocabulary may lack some.

        Raises:
            ValueError: If they are not. The message names the place.
        """
        self._check_ids()
        known = {symbol for symbol in symbols if symbol in self.vocabulary}
        for rank, (left, right) in enumerate(self.merges):
            for part in (left, right):
                if part not in known:
                    raise ValueError(
                        f"{self.place(rank)}: {left!r} and {right!r}; expected {part!r} to be a single "
                        "symbol or the result of an earlier merge; the file is damaged or was sorted"
                    )
            if left + right not in self.vocabulary:
                raise ValueError(
                    f"{self.place(rank)}: {left + right!r} has no id; expected one in the vocabulary; use "
                    "merges and vocabulary of one tokenizer"
                )
            known.add(left + right)

    def _check_ids(self) -> None:
        entries = self.entries
        ids = sorted(entries.values())
        if ids == list(range(len(ids))):
            return
        duplicate = next((a for a, b in itertools.pairwise(ids) if a == b), None)
        if duplicate is not None:
            both = [piece for piece, i in entries.items() if i == duplicate][:2]
            raise ValueError(
                f"{self.origin}: id {duplicate} of {both[0]!r} and {both[1]!r}; expected different ids"
            )
        missing = next((n for n, i in enumerate(ids) if n != i), len(ids))
        raise ValueError(
            f"{self.origin}: no id {missing}, largest {ids[-1] if ids else None}; expected the ids 0 to "
            f"{len(ids) - 1} for {len(ids)} pieces; the vocabulary is not complete"
        )


def read_pair(merges: str, vocabulary: str, *, merges_origin: str, vocabulary_origin: str) -> BPETable:
    """Read the two files of OpenAI's releases, which Hugging Face names merges.txt and vocab.json.

    Merges are a header, then one merge a line: two pieces with a space between. The vocabulary is a JSON
    object from piece to id. The origins are the files' names, for messages.
    """
    header, *lines = merges.replace("\r\n", "\n").split("\n")
    if not header.startswith("#version"):
        raise ValueError(
            f"{merges_origin}, line 1: {header[:60]!r}; expected the header of a merges file, '#version: 0.2'"
        )
    while lines and not lines[-1]:
        lines.pop()
    pairs = []
    for number, line in enumerate(lines, start=2):
        left, space, right = line.partition(" ")
        if not (left and space and right) or " " in right:
            raise ValueError(
                f"{merges_origin}, line {number}: {line[:60]!r}; expected two pieces and one space between "
                "them"
            )
        pairs.append((left, right))
    entries = check_vocabulary(read_json(vocabulary, vocabulary_origin), vocabulary_origin)
    added = (AddedToken(END_OF_TEXT, entries[END_OF_TEXT]),) if END_OF_TEXT in entries else ()
    return BPETable(entries, pairs, added, origin=merges_origin, first_line=2)


def check_vocabulary(entries: Mapping[str, object], origin: str) -> dict[str, int]:
    """Return the entries as ids, after a check that all of them are."""
    for piece, i in entries.items():
        if type(i) is not int:
            raise ValueError(f"{origin}: id {i!r} of {piece!r}; expected a whole number")
    return dict(entries)  # type: ignore[arg-type]


def read_json(text: str, origin: str) -> dict[str, object]:
    """Parse a JSON object; the message about damage names the place."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{origin}, line {error.lineno}, column {error.colno}: {error.msg}; expected JSON; download the "
            "file again, which may be cut short"
        ) from None
    if not isinstance(value, dict):
        raise ValueError(f"{origin}: JSON {type(value).__name__}; expected an object")
    return value


def check_text(text: str) -> None:
    """Raise if UTF-8 cannot write a text.

    Libraries replace lone surrogates silently, so that the ids no longer stand for the text.
    """
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"text: lone surrogate U+{ord(text[error.start]):04X} at character {error.start}; expected "
            "Unicode text; read its file as UTF-8 with errors='replace', or repair it with ftfy.fix_text"
        ) from None


def check_ids(ids: Sequence[int], vocab_size: int) -> None:
    """Raise if an id is not in the vocabulary."""
    if len(ids) and (min(ids) < 0 or max(ids) >= vocab_size):
        unknown = next(i for i in ids if not 0 <= i < vocab_size)
        raise ValueError(
            f"token id: {unknown}; expected 0 to {vocab_size - 1}, an id of the vocabulary; use the "
            "tokenizer that encoded the text"
        )
