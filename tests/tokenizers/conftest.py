"""Small vocabularies that need no download."""

import functools
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gpt_toolkit.tokenizers import ByteLevelBPE, Tokenizer, load_tokenizer, train_byte_level

# The toy vocabularies of the tests of transformers.
GPT2_TOY = "l o w e r s t i d n Ġ Ġl Ġn Ġlo Ġlow er Ġlowest Ġnewer Ġwider <unk> <|endoftext|>"
GPT1_TOY = "l o w e r s t i d n w</w> r</w> t</w> lo low er</w> low</w> lowest</w> newer</w> wider</w> <unk>"
WORDS = "the a little red fox and dog ran over hill hills isn't where's 42 1999 (maybe) “so” naïve — yes, no."

STRANGE_TEXTS = [
    "",
    " ",
    "\n\n  \t\r\n \u3000x",
    "don't DON'T 'tis she'll we've I'm you're they'd",
    "naïve Führer 你好 世界 한국어 👩‍👩‍👧 🌍 e\u0301 \u200b\ufeff",
    "3 33 333 1,000.50 ½ x² ٣",
    "<|endoftext|> a <|endoftext|>",
    "\x00\x01\x1c \x1c\x85\xa0  \u2028\u2029",
    "aaaa" * 50 + "  " * 50,
    "def f(x):\n    return x  # no\n",
]


def english(n_words: int, seed: int = 0) -> str:
    """Return a text with repetitions from a fixed list of words."""
    return " ".join(random.Random(seed).choices(WORDS.split(), k=n_words)) + "\n"


load_once = functools.cache(load_tokenizer)


@pytest.fixture
def gpt2(shared_data: Path) -> Tokenizer:
    return load_once(shared_data / "tokenizers" / "gpt2")


@pytest.fixture
def strange_texts() -> list[str]:
    return STRANGE_TEXTS


@pytest.fixture
def write_english() -> Callable[..., str]:
    return english


@pytest.fixture
def from_transformers(tmp_path: Path) -> Callable[[Tokenizer], Any]:
    """Return a function that loads a tokenizer's files with ``transformers``."""

    def load(tokenizer: Tokenizer) -> Any:
        auto = pytest.importorskip("transformers").AutoTokenizer
        for name, content in tokenizer.files().items():
            (tmp_path / name).write_text(content, encoding="utf-8")
        return auto.from_pretrained(tmp_path)

    return load


@pytest.fixture(scope="session")
def trained() -> ByteLevelBPE:
    return train_byte_level([english(3000), *STRANGE_TEXTS], 400, progress=False)


@pytest.fixture
def gpt2_toy() -> dict[str, str]:
    return {
        "vocab.bpe": "#version: 0.2\nĠ l\nĠl o\nĠlo w\ne r\n",
        "encoder.json": json.dumps({piece: i for i, piece in enumerate(GPT2_TOY.split())}),
    }


@pytest.fixture
def gpt1_toy() -> dict[str, str]:
    return {
        "vocab_40000.bpe": "#version: 0.2\nl o\nlo w\ne r</w>\n",
        "encoder_bpe_40000.json": json.dumps({piece: i for i, piece in enumerate(GPT1_TOY.split())}),
        "tokenizer_config.json": '{"word_splitting": "rules"}',
    }
