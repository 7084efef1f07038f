"""Training of byte-level BPE vocabularies by Hugging Face's tokenizers."""

import contextlib
import json
import re
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
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


def train_byte_level(
    chunks: Iterable[str], vocab_size: int, *, progress: "bool | ProgressBar"
) -> ByteLevelBPE:
    """Train merges with Hugging Face's trainer, and number the pieces as GPT-2 does.

    Ids are the 256 bytes in GPT-2's order, then the merges by rank, then ``<|endoftext|>``. The same text
    gives the same vocabulary. Memory grows with the number of distinct words, not with the text. Words longer
    than :data:`LONGEST_WORD` are cut, so that time grows with the text alone.

    Args:
        chunks: The text, cut at positions of :func:`~gpt_toolkit.tokenizers.safe_cut`.
        vocab_size: Number of ids, at least 257. The result has fewer, with a warning, if the text allows
            fewer merges.
        progress: Show progress on stderr; or the bar that already counts the text, to show the rest on it.
    """
    if vocab_size < SMALLEST:
        raise ValueError(
            f"vocab_size: {vocab_size}; expected at least {SMALLEST}, for 256 bytes and the end-of-text token"
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
    with contextlib.ExitStack() as stack:
        if isinstance(progress, ProgressBar):
            bar, texts = progress, _checked(chunks)
        else:
            bar = ProgressBar("reading text", unit="characters", enabled=progress)
            texts = _counted(_checked(chunks), stack.enter_context(bar))
        learner.train_from_iterator(_then(texts, stack.enter_context(_clock(bar)).set), trainer)
    merges = [(left, right) for left, right in json.loads(learner.to_str())["model"]["merges"]]
    if SMALLEST + len(merges) < vocab_size:
        warnings.warn(
            f"vocab_size is {vocab_size}, but the text allows {len(merges)} merges: the vocabulary has "
            f"{SMALLEST + len(merges)} ids",
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


def _checked(chunks: Iterable[str]) -> Iterator[str]:
    for chunk in chunks:
        check_text(chunk)
        yield from cut_long_words(chunk)


def _counted(chunks: Iterable[str], bar: "ProgressBar") -> Iterator[str]:
    """Yield the chunks, and report how many characters were read."""
    for chunk in chunks:
        yield chunk
        bar.advance(len(chunk))


def _then(chunks: Iterable[str], call: Callable[[], None]) -> Iterator[str]:
    """Yield the chunks; call a function when they are at an end."""
    yield from chunks
    call()


@contextlib.contextmanager
def _clock(bar: "ProgressBar", every: float = 1.0) -> Iterator[threading.Event]:
    """Yield an event after which the time is shown: the trainer reports nothing while it learns merges."""
    from gpt_toolkit.progress import format_duration

    is_read, is_done = threading.Event(), threading.Event()

    def show() -> None:
        is_read.wait()
        start = time.monotonic()
        while not is_done.wait(every):
            if bar.is_due:
                bar.show(f"learning merges  {format_duration(time.monotonic() - start)} so far")

    clock = threading.Thread(target=show, daemon=True)
    clock.start()
    try:
        yield is_read
    finally:
        is_done.set()
        is_read.set()
        clock.join()
