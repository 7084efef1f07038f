"""Text to token ids and back: no torch, and nothing imported before it is used."""

from gpt_toolkit.tokenizers.bpe_training import train_byte_level
from gpt_toolkit.tokenizers.byte_level_bpe import ByteLevelBPE
from gpt_toolkit.tokenizers.byte_tokenizer import ByteTokenizer
from gpt_toolkit.tokenizers.gpt1_bpe import GPT1BPE
from gpt_toolkit.tokenizers.loading import Tokenizer, load_tokenizer, safe_cut

__all__ = [
    "GPT1BPE",
    "ByteLevelBPE",
    "ByteTokenizer",
    "Tokenizer",
    "load_tokenizer",
    "safe_cut",
    "train_byte_level",
]
