"""Text from a decoder, token by token; scores of given text."""

from gpt_toolkit.generation.decoding import generate, generate_steps
from gpt_toolkit.generation.sampling import Sampling, TopPRule, choose
from gpt_toolkit.generation.streaming import StreamedText

__all__ = ["Sampling", "StreamedText", "TopPRule", "choose", "generate", "generate_steps"]
