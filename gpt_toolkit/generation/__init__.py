"""Text from a decoder, token by token, and how likely it finds a given text."""

from gpt_toolkit.generation.decoding import generate, generate_steps
from gpt_toolkit.generation.likelihood import score
from gpt_toolkit.generation.sampling import Sampling, TopPRule, choose
from gpt_toolkit.generation.streaming import Answer, Written, write, write_pieces

__all__ = [
    "Answer",
    "Sampling",
    "TopPRule",
    "Written",
    "choose",
    "generate",
    "generate_steps",
    "score",
    "write",
    "write_pieces",
]
