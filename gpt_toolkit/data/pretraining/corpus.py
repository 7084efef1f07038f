"""Terms of a corpus: chunks of documents, the positions between them, and the split of each document."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

from gpt_toolkit.data.splits import Split

Position: TypeAlias = Any
"""A JSON value from which a reader can resume; None is the beginning."""

END_MARK: Final = "<|endoftext|>"
"""Text that ends documents in many published corpora, as GPT-2's vocabulary writes its end-of-text token."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Text of a document, or of a part of it.

    Attributes:
        text: The text; never empty.
        starts_document: Whether it is the first chunk of its document.
        split: Split of the document.
        position: Position after the chunk.
        fraction: Fraction of the corpus that has been read with it, in [0, 1]; None if unknown.
    """

    text: str
    starts_document: bool
    split: Split
    position: Position
    fraction: float | None


class Corpus(Protocol):
    """Text that can be turned into tokens."""

    @property
    def title(self) -> str:
        """Name in messages."""

    def identity(self) -> Mapping[str, Any]:
        """Return all that decides the text, as JSON values without times and paths."""

    def n_bytes(self) -> int | None:
        """Return roughly the bytes of the training text; None if unknown."""

    def chunks(self, position: Position = None) -> Iterator[Chunk]:
        """Yield the text in order, from a position."""


def changed_text(corpus: Corpus) -> ValueError:
    """Return the error of a corpus whose text changed while it was read."""
    return ValueError(
        f"{corpus.title}: the text changed while it was read; expected the same bytes until the end; run the "
        "same command again when the files are complete"
    )


def split_documents(text: str, separator: str | None) -> list[str]:
    """Return the documents of a record that are not empty: the text, or what a separator ends in it.

    Line ends next to a separator are not part of a document.
    """
    if not separator:
        return [text] if text else []
    return [document for part in text.split(separator) if (document := part.strip("\n"))]


def hold_out_interval(fraction: float) -> int:
    """Return n if every n-th record is held out for validation; 0 if none is."""
    return max(2, round(1 / fraction)) if fraction else 0


def normalize_newlines(text: str) -> str:
    """Replace CR LF and lone CR by LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def utf8_length(text: str) -> int:
    """Return the length of a text in UTF-8 bytes."""
    return len(text) if text.isascii() else len(text.encode())
