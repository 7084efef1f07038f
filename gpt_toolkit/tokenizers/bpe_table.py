"""A byte-pair vocabulary as its files write it: pieces with ids, and merges in order."""

import itertools
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

END_OF_TEXT = "<|endoftext|>"
"""GPT-2's end-of-text mark (released code: encoder.json, last entry)."""

# GPT-2's files show a byte as a character that prints: itself where it does, else one from U+0100 on.
_printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
_others = [byte for byte in range(256) if byte not in _printable]
BYTE_TO_CHARACTER: dict[int, str] = {byte: chr(byte) for byte in _printable} | {
    byte: chr(256 + n) for n, byte in enumerate(_others)
}
"""How GPT-2's files show each byte, in the order of the released ids (0 to 255)."""

CHARACTER_TO_BYTE: dict[str, int] = {character: byte for byte, character in BYTE_TO_CHARACTER.items()}


@dataclass(frozen=True)
class BPETable:
    """A byte-pair vocabulary.

    Attributes:
        vocabulary: Id of each piece, as the file writes the piece.
        merges: Pairs of pieces that become one, the most urgent first.
        added: Marks outside the pieces, such as end of text, with their ids.
        origin: What an error message names as the source.
        first_line: Line of the first merge in ``origin``; 0 where merges are a list in JSON.
    """

    vocabulary: Mapping[str, int]
    merges: list[tuple[str, str]]
    added: Mapping[str, int] = field(default_factory=dict)
    origin: str = "vocabulary"
    first_line: int = 0

    @property
    def size(self) -> int:
        """Number of ids."""
        return len({**self.vocabulary, **self.added})

    def place(self, rank: int) -> str:
        """Where the merge of this rank stands, for an error message."""
        where = f"line {self.first_line + rank}" if self.first_line else f"merge {rank}"
        return f"{self.origin}, {where}"

    def by_id(self) -> list[str]:
        """All pieces and marks, by id."""
        entries = {**self.vocabulary, **self.added}
        return sorted(entries, key=entries.__getitem__)

    def check(self, symbols: Collection[str]) -> None:
        """Refuse a table that cannot have come whole from its maker.

        Args:
            symbols: What text is made of before the first merge; the vocabulary need not have them all.
        """
        self._check_ids()
        known = {symbol for symbol in symbols if symbol in self.vocabulary}
        for rank, (left, right) in enumerate(self.merges):
            for part in (left, right):
                if part not in known:
                    raise ValueError(
                        f"{self.place(rank)}: {left!r} and {right!r} are merged, but {part!r} is neither a "
                        "single symbol nor made by an earlier merge; the file is damaged or sorted anew."
                    )
            if left + right not in self.vocabulary:
                raise ValueError(
                    f"{self.place(rank)}: {left!r} and {right!r} make {left + right!r}, which has no id; do "
                    "merges and vocabulary belong together?"
                )
            known.add(left + right)

    def _check_ids(self) -> None:
        entries = {**self.vocabulary, **self.added}
        ids = sorted(entries.values())
        if ids == list(range(len(ids))):
            return
        duplicate = next((a for a, b in itertools.pairwise(ids) if a == b), None)
        if duplicate is not None:
            both = [piece for piece, i in entries.items() if i == duplicate][:2]
            raise ValueError(f"{self.origin}: {both[0]!r} and {both[1]!r} both have the id {duplicate}.")
        missing = next((n for n, i in enumerate(ids) if n != i), len(ids))
        raise ValueError(
            f"{self.origin}: {len(ids)} pieces should have the ids 0 to {len(ids) - 1}, but {missing} is "
            f"missing and the largest is {ids[-1] if ids else None}; the vocabulary is not whole."
        )


def read_pair(merges: str, vocabulary: str, *, merges_origin: str, vocabulary_origin: str) -> BPETable:
    """Read the two files of OpenAI's releases, which Hugging Face names merges.txt and vocab.json.

    Args:
        merges: A header, then one merge a line: two pieces with a blank between.
        vocabulary: A JSON object from piece to id.
        merges_origin: Name of the first, for error messages.
        vocabulary_origin: Name of the second.
    """
    header, *lines = merges.replace("\r\n", "\n").split("\n")
    if not header.startswith("#version"):
        raise ValueError(
            f"{merges_origin}, line 1: {header[:60]!r} stands where a merges file has its header, "
            "'#version: 0.2'."
        )
    while lines and not lines[-1]:
        lines.pop()
    pairs = []
    for number, line in enumerate(lines, start=2):
        left, blank, right = line.partition(" ")
        if not (left and blank and right) or " " in right:
            raise ValueError(
                f"{merges_origin}, line {number}: {line[:60]!r} is not two pieces and one blank between them."
            )
        pairs.append((left, right))
    entries = check_vocabulary(read_json(vocabulary, vocabulary_origin), vocabulary_origin)
    added = {END_OF_TEXT: entries[END_OF_TEXT]} if END_OF_TEXT in entries else {}
    return BPETable(entries, pairs, added, merges_origin, first_line=2)


def check_vocabulary(entries: Mapping[str, object], origin: str) -> dict[str, int]:
    """The entries, if every one is an id."""
    for piece, i in entries.items():
        if type(i) is not int:
            raise ValueError(f"{origin}: the id of {piece!r} is {i!r}, not a whole number.")
    return dict(entries)  # type: ignore[arg-type]


def read_json(text: str, origin: str) -> dict[str, object]:
    """Read a JSON object, with the place of the damage where it is not whole."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{origin}, line {error.lineno}, column {error.colno}: not whole JSON ({error.msg}); is the file "
            "cut short? Fetch it again."
        ) from None
    if not isinstance(value, dict):
        raise ValueError(f"{origin}: holds a JSON {type(value).__name__} where an object is expected.")
    return value
