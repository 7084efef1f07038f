"""Training of byte-level BPE vocabularies by Hugging Face's tokenizers."""

import contextlib
import json
import re
import threading
import time
import warnings
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from gpt_toolkit.tokenizers.bpe_table import BYTE_TO_CHARACTER, END_OF_TEXT, AddedToken, BPETable, check_text
from gpt_toolkit.tokenizers.byte_level_bpe import ByteLevelBPE

if TYPE_CHECKING:
    from gpt_toolkit.progress import ProgressBar

SMALLEST = 257  # 256 bytes and the end of text

LONGEST_WORD = 1000
"""Characters of the longest piece that merges are learned on.

Tuned here: the trainer's time grows with the square of a word's length, and no word of a language is longer.
"""

_spaces = re.compile(rf"\s{{{LONGEST_WORD + 1}}}")
# Every piece of GPT-2's split is within a run of letters, digits, spaces or other characters.
_runs = re.compile(r"[^\W\d_]+|\d+|\s+|(?:[^\w\s]|_)+")


def train_byte_level(chunks: Iterable[str], vocab_size: int, *, progress: bool) -> ByteLevelBPE:
    """Train merges with Hugging Face's trainer, and number the pieces as GPT-2 does.

    Ids are the 256 bytes in GPT-2's order, then the merges by rank, then ``<|endoftext|>``. The same text
    gives the same vocabulary. Memory grows with the number of distinct words, not with the text. Words longer
    than :data:`LONGEST_WORD` are cut, so that time grows with the text alone.

    Args:
        chunks: The text, cut at positions of :func:`~gpt_toolkit.tokenizers.safe_cut`.
        vocab_size: Number of ids, at least 257. The result has fewer, with a warning, if the text allows
            fewer merges.
        progress: Show progress on stderr.
    """
    if vocab_size < SMALLEST:
        raise ValueError(
            f"vocab_size is {vocab_size}; a byte-level vocabulary has at least {SMALLEST}: 256 bytes and the "
            "end of text"
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
    with ProgressBar("reading text", unit="characters", enabled=progress) as bar, _clock(bar):
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
    end_of_text = AddedToken(END_OF_TEXT, len(pieces) - 1)
    return ByteLevelBPE(BPETable(vocabulary, merges, (end_of_text,), origin="trained vocabulary"))


def cut_long_words(text: str) -> Iterator[str]:
    """Yield a text in pieces that end within words longer than :data:`LONGEST_WORD`, if it has any."""
    if max(map(len, text.split()), default=0) > LONGEST_WORD or _spaces.search(text):
        start = 0
        for run in _runs.finditer(text):
            for cut in range(run.start() + LONGEST_WORD, run.end(), LONGEST_WORD):
                yield text[start:cut]
                start = cut
        text = text[start:]
    yield text


def _read(chunks: Iterable[str], bar: "ProgressBar") -> Iterator[str]:
    """Yield the chunks, and report how many characters were read."""
    for chunk in chunks:
        check_text(chunk)
        for piece in cut_long_words(chunk):
            yield piece
            bar.advance(len(piece))
    bar.title = _LEARNING


_LEARNING = "learning merges"


@contextlib.contextmanager
def _clock(bar: "ProgressBar") -> Iterator[None]:
    """Show the time while merges are learned, of which the trainer reports nothing."""
    from gpt_toolkit.progress import format_duration

    start, stopped = time.monotonic(), threading.Event()

    def show() -> None:
        while not stopped.wait(1.0):
            if bar.title == _LEARNING and bar.is_due:
                bar.show(f"{format_duration(time.monotonic() - start)} so far")

    clock = threading.Thread(target=show, daemon=True)
    clock.start()
    try:
        yield
    finally:
        stopped.set()
        clock.join()
