"""Tokenizer of a corpus: chosen by the size of the text, trained on it, or loaded by name."""

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from gpt_toolkit.data.pretraining.corpus import Corpus, changed_text, utf8_length
from gpt_toolkit.io import atomic_folder, cache_folder, explain_write_errors
from gpt_toolkit.progress import ProgressBar
from gpt_toolkit.tokenizers import train_byte_level
from gpt_toolkit.tokenizers.loading import Tokenizer, load_tokenizer, write_cached_files

AUTO: Final = "auto"
_TRAIN = "train:"
_TRAINING_VERSION = 2  # raised when training on the same text would give another vocabulary

_BYTES_BELOW = 200_000  # tuned here: a BPE of a smaller text learns whole phrases of it
_SMALLEST, _LARGEST = 1024, 50_257  # tuned here; GPT-2 §2.3
_TRAINING_BYTES = 1 << 28  # tuned here: more text takes longer and hardly changes the merges


def automatic_size(n_bytes: int) -> int | None:
    """Return the vocabulary size for a text of this many bytes; None for raw bytes.

    It is twice the square root, to the nearest power of two. The number of different words grows about as the
    root of the text's length (Heaps 1978), so an entry occurs about equally often in texts of any size. 1 MB
    gives 2,048, and 10 GB about GPT-2's 50,257.
    """
    if n_bytes < _BYTES_BELOW:
        return None
    return min(_LARGEST, max(_SMALLEST, int(2 ** round(math.log2(2 * math.sqrt(n_bytes))))))


@dataclass(frozen=True)
class TokenizerChoice:
    """Tokenizer of a corpus.

    Attributes:
        corpus: Text that is tokenized.
        name: Name or folder of the tokenizer; "" if it is trained on the corpus.
        size: Size of the vocabulary that is trained.
        reason: Sentence on a choice that the size of the text made; "" if the user chose.
    """

    corpus: Corpus
    name: str = ""
    size: int = 0
    reason: str = ""

    @classmethod
    def of(cls, spec: str, corpus: Corpus) -> "TokenizerChoice":
        """Choose the tokenizer of a corpus.

        Args:
            spec: The DataModule's ``tokenizer`` argument.
            corpus: Text that is tokenized.

        Raises:
            ValueError: If the size in ``train:SIZE`` is not a number.
        """
        if spec.startswith(_TRAIN):
            size = spec.removeprefix(_TRAIN)
            if not size.isdecimal():
                raise ValueError(
                    f"tokenizer: {spec!r}; expected a vocabulary size at its end, such as train:4096"
                )
            return cls(corpus, size=int(size))
        if spec != AUTO:
            return cls(corpus, name=spec)
        n_bytes = corpus.n_bytes()
        about = f"about {n_bytes / 1e6:,.1f} MB" if n_bytes is not None else "unknown size"
        best = automatic_size(n_bytes) if n_bytes is not None else _LARGEST
        if best is None:
            reason = f"Vocabulary: raw bytes, as the training text is small ({about}; tokenizer=auto)."
            return cls(corpus, name="bytes", reason=reason)
        reason = (
            f"Vocabulary: byte-level BPE of {best:,} tokens trained on the training text ({about}; "
            "tokenizer=auto)."
        )
        return cls(corpus, size=best, reason=reason)

    @property
    def folder(self) -> Path:
        """Folder of the vocabulary that is trained."""
        parts = {"source": self.corpus.identity(), "size": self.size, "version": _TRAINING_VERSION}
        key = hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=8).hexdigest()
        return cache_folder() / "vocabularies" / key

    def load(self) -> Tokenizer:
        """Load the tokenizer; raise if it has to be trained first."""
        if self.name:
            return load_tokenizer(self.name)
        if not self.folder.is_dir():
            raise FileNotFoundError(
                f"{self.folder}: no vocabulary of {self.corpus.title}; expected one; run `gpt-toolkit "
                "prepare` with the same arguments"
            )
        return load_tokenizer(self.folder)

    def prepare(self, progress: ProgressBar) -> Tokenizer:
        """Load the tokenizer; train it first if it is not in the cache."""
        if self.name or (folder := self.folder).is_dir():
            return self.load()
        n_bytes = self.corpus.n_bytes() or 0
        every = max(1, math.ceil(n_bytes / _TRAINING_BYTES))
        texts = islice(_training_texts(self.corpus, progress), 0, None, every)
        tokenizer = train_byte_level(texts, self.size, progress=progress)
        if self.folder != folder:
            raise changed_text(self.corpus)
        advice = "make space, or set GPT_TOOLKIT_CACHE to a folder on another disk"
        with explain_write_errors(folder, advice), atomic_folder(folder) as partial:
            write_cached_files(tokenizer.files(), partial)
        return self.load()


def _training_texts(corpus: Corpus, progress: ProgressBar) -> Iterator[str]:
    for chunk in corpus.chunks():
        progress.advance(utf8_length(chunk.text), chunk.fraction)
        if chunk.split == "train":
            yield chunk.text
