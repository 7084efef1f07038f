"""The de-tokenizers of two published evaluators. Neither can be inverted, and neither is OpenAI's."""

import re
from typing import Final

_Rules = tuple[tuple[str, str], ...]

# Each is a pattern and what takes its place, one after the other. The order matters.
_WIKITEXT: Final[_Rules] = (
    (r"s '", "s'"),
    (r"/' [0-9]/", r"/'[0-9]/"),  # as published: matches slashes, which was hardly meant
    (" @-@ ", "-"),
    (" @,@ ", ","),
    (r" @\.@ ", "."),
    *((f" {re.escape(mark)} ", f"{mark} ") for mark in ":;.!?,"),
    (r"\(\s*([^\)]*?)\s*\)", r"(\1)"),
    (r"\[\s*([^\]]*?)\s*\]", r"[\1]"),
    (r"{\s*([^}]*?)\s*}", r"{\1}"),
    (r"\"\s*([^\"]*?)\s*\"", r'"\1"'),
    (r"'\s*([^']*?)\s*'", r"'\1'"),
    ("= = = =", "===="),
    ("= = =", "==="),
    ("= =", "=="),
    (" ° ", "°"),
    (" \n", "\n"),
    ("\n ", "\n"),
    (" N ", " 1 "),
    (" 's", "'s"),
)
_PTB: Final[_Rules] = (
    (r" '", "'"),
    (r" \n", r"\n"),
    (r"\n ", r"\n"),
    (r" n't", "n't"),
    (r" N ", " 1 "),
    (r"\$ 1", "$1"),
    ("# 1", "#1"),
)


def wikitext(text: str) -> str:
    """WikiText as running text, in the way of Megatron-LM@164204c and lm-eval 0.4.13, which agree."""
    return _apply(_WIKITEXT, text)


def ptb(text: str) -> str:
    """Penn Treebank as running text, in the way of Megatron-LM@164204c."""
    return _apply(_PTB, text)


def _apply(rules: _Rules, text: str) -> str:
    for pattern, written in rules:
        text = re.sub(pattern, written, text)
    return text
