"""Text to token ids and back: no torch, and nothing imported before it is used."""

from gpt_toolkit.text.byte_level import ByteLevelBPE
from gpt_toolkit.text.cache import cache_folder
from gpt_toolkit.text.gpt1 import GPT1BPE
from gpt_toolkit.text.raw_bytes import RawBytes
from gpt_toolkit.text.tokenizer import Tokenizer, load_tokenizer, safe_cut
from gpt_toolkit.text.training import train_byte_level

__all__ = [
    "GPT1BPE",
    "ByteLevelBPE",
    "RawBytes",
    "Tokenizer",
    "cache_folder",
    "load_tokenizer",
    "safe_cut",
    "train_byte_level",
]
