"""Training of a byte-level vocabulary on text of any size (GPT-2 §2.2)."""

import json
import warnings
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from gpt_toolkit.tokenizers.bpe_table import BYTE_TO_CHARACTER, END_OF_TEXT, BPETable, check_text
from gpt_toolkit.tokenizers.byte_level_bpe import ByteLevelBPE

if TYPE_CHECKING:
    from gpt_toolkit.progress import ProgressBar

SMALLEST = 257  # 256 bytes and the end of text


def train_byte_level(chunks: Iterable[str], vocab_size: int, *, progress: bool) -> ByteLevelBPE:
    """Train merges with Hugging Face's trainer, and number the pieces as GPT-2 does.

    Ids are the 256 bytes in GPT-2's order, then the merges by rank, then ``<|endoftext|>``. The same text
    gives the same vocabulary. Memory grows with the number of distinct words, not with the text.

    Args:
        chunks: The text, cut at positions of :func:`~gpt_toolkit.tokenizers.safe_cut`.
        vocab_size: Number of ids, at least 257. The result has fewer, with a warning, if the text allows
            fewer merges.
        progress: Show progress on stderr.
    """
    if vocab_size < SMALLEST:
        raise ValueError(
            f"vocab_size is {vocab_size}; a byte-level vocabulary has at least {SMALLEST}: 256 bytes and "
            "the end of text."
        )
    from tokenizers import Tokenizer
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import ByteLevel
    from tokenizers.trainers import BpeTrainer

    from gpt_toolkit.progress import ProgressBar

    learner = Tokenizer(BPE())
    learner.pre_tokenizer = ByteLevel(add_prefix_space=False)
    trainer = BpeTrainer(
        vocab_size=vocab_size - 1, initial_alphabet=ByteLevel.alphabet(), min_frequency=1, show_progress=False
    )
    with ProgressBar("reading text", unit="characters", enabled=progress) as bar:
        learner.train_from_iterator(_read(chunks, bar), trainer)
    merges = [(left, right) for left, right in json.loads(learner.to_str())["model"]["merges"]]
    if SMALLEST + len(merges) < vocab_size:
        warnings.warn(
            f"vocab_size is {vocab_size}, but the text allows {len(merges)} merges: the vocabulary has "
            f"{SMALLEST + len(merges)} ids.",
            UserWarning,
            stacklevel=2,
        )
    pieces = [*BYTE_TO_CHARACTER.values(), *(left + right for left, right in merges), END_OF_TEXT]
    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    return ByteLevelBPE(BPETable(vocabulary, merges, {END_OF_TEXT: len(pieces) - 1}, "trained vocabulary"))


def _read(chunks: Iterable[str], bar: "ProgressBar") -> Iterator[str]:
    """Yield the chunks, and report how many characters were read."""
    for chunk in chunks:
        check_text(chunk)
        yield chunk
        bar.advance(len(chunk))
    bar.title = "learning merges"
