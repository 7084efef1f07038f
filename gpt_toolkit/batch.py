"""Where data and tasks meet: what a batch holds, and what a task may ask of a DataModule.

Shape letters, used in every docstring and at line ends:

====== =======================================
``B``  batch: sequences
``C``  choices of a multiple-choice question
``T``  positions of a sequence, at most n_ctx
``D``  width of the hidden states, n_embd
``H``  attention heads
``K``  width of a head, D / H
``V``  vocabulary
``N``  rows of hidden states, B times T
====== =======================================
"""

from collections.abc import Mapping
from typing import Protocol, TypedDict

from torch import Tensor

IGNORE_INDEX = -100
"""Label of a position where no loss is due (torch's default)."""


class LanguageModelBatch(TypedDict):
    """Text for next-token prediction (GPT-1 eq. 1).

    Attributes:
        input_ids: ``(B, T)``, int64.
        labels: ``(B, T)``, int64; ``labels[b, t]`` is the token after ``input_ids[b, t]``, or
            ``IGNORE_INDEX``.
        step_targets: Labels that count in the whole optimizer step, over all micro-batches and ranks; what
            the step's loss is divided by. In evaluation, those of this batch.
        bytes_per_token: UTF-8 bytes of text that a token of this split stands for, on average.
    """

    input_ids: Tensor
    labels: Tensor
    step_targets: int
    bytes_per_token: float


class Vocabulary(Protocol):
    """What a task needs to know of a tokenizer; every tokenizer of ``gpt_toolkit.text`` has it."""

    @property
    def vocab_size(self) -> int:
        """Number of token ids."""

    @property
    def end_of_text(self) -> int:
        """Id of the token that begins every document."""

    @property
    def fingerprint(self) -> str:
        """Short hash; equal fingerprints mean equal ids for every text."""

    def encode(self, text: str) -> list[int]:
        """Token ids of a text."""

    def decode(self, ids: list[int]) -> str:
        """Text of token ids."""

    def files(self) -> Mapping[str, str]:
        """File names and contents from which the tokenizer can be made again."""


class LanguageModelData(Protocol):
    """What a language-modelling task reads from its DataModule."""

    n_ctx: int
    """Context length of the batches, in tokens."""

    vocabulary: Vocabulary
    """The tokenizer that made the batches; there after ``setup``."""

    plan: str
    """Fingerprint of the order in which training windows are read; there after ``setup``."""
