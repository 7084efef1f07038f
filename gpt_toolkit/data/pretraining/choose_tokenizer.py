"""Tokenizer of a corpus: chosen by the size of the text, trained on it, or loaded by name."""

import hashlib
import json
import math
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from gpt_toolkit.data.pretraining.text_readers import Source, utf8_length
from gpt_toolkit.io import atomic_folder, cache_folder, explain_write_errors
from gpt_toolkit.progress import ProgressBar
from gpt_toolkit.tokenizers import train_byte_level
from gpt_toolkit.tokenizers.loading import Tokenizer, load_tokenizer

AUTO: Final = "auto"
_TRAIN = "train:"
_TRAINING_VERSION = 1  # raised when training on the same text would give another vocabulary

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


def resolve(spec: str, source: Source) -> tuple[str, str | None]:
    """Replace ``auto`` by the tokenizer that suits a source, and explain the choice in a sentence.

    Args:
        spec: The DataModule's ``tokenizer`` argument.
        source: Text to tokenize.

    Raises:
        ValueError: If the size in ``train:SIZE`` is not a number.
    """
    if spec != AUTO:
        if spec.startswith(_TRAIN):
            _trained_size(spec)
        return spec, None
    n_bytes = source.n_bytes()
    size = automatic_size(n_bytes) if n_bytes is not None else _LARGEST
    about = f"about {n_bytes / 1e6:,.1f} MB" if n_bytes is not None else "unknown size"
    if size is None:
        return "bytes", f"Vocabulary: raw bytes, as the training text is small ({about}; tokenizer=auto)."
    return (
        f"{_TRAIN}{size}",
        f"Vocabulary: byte-level BPE of {size:,} tokens trained on the training text ({about}; "
        "tokenizer=auto).",
    )


def vocabulary_folder(spec: str, source: Source) -> Path | None:
    """Return the folder of the trained vocabulary of a resolved spec; None if it trains none."""
    if not spec.startswith(_TRAIN):
        return None
    parts = {"source": source.identity(), "size": _trained_size(spec), "version": _TRAINING_VERSION}
    key = hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=8).hexdigest()
    return cache_folder() / "vocabularies" / key


def load_vocabulary(spec: str, source: Source) -> Tokenizer:
    """Load the tokenizer of a resolved spec; raise if it has to be trained first."""
    folder = vocabulary_folder(spec, source)
    if folder is None:
        return load_tokenizer(spec)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"the vocabulary of {source.title} is not in {folder}; run `gpt-toolkit prepare` with the same "
            "arguments"
        )
    return load_tokenizer(folder)


def prepare_vocabulary(spec: str, source: Source, progress: ProgressBar) -> Tokenizer:
    """Load the tokenizer of a resolved spec; train it first if it is not in the cache."""
    folder = vocabulary_folder(spec, source)
    if folder is not None and not folder.is_dir():
        n_bytes = source.n_bytes() or 0
        every = max(1, math.ceil(n_bytes / _TRAINING_BYTES))
        texts = islice(_training_texts(source, progress), 0, None, every)
        tokenizer = train_byte_level(texts, _trained_size(spec), progress=progress)
        advice = "make space, or set GPT_TOOLKIT_CACHE to a folder on another disk"
        with explain_write_errors(folder, advice), atomic_folder(folder) as partial:
            for name, content in tokenizer.files().items():
                (partial / name).write_text(content, encoding="utf-8", newline="")
    return load_vocabulary(spec, source)


def _training_texts(source: Source, progress: ProgressBar) -> Iterator[str]:
    for chunk in source.chunks():
        progress.advance(utf8_length(chunk.text), chunk.fraction)
        if chunk.split == "train":
            yield chunk.text


def _trained_size(spec: str) -> int:
    size = spec.removeprefix(_TRAIN)
    if not size.isdecimal():
        raise ValueError(f"tokenizer: {spec!r}; expected a vocabulary size at its end, such as {_TRAIN}4096")
    return int(size)
