r"""Text cleaning for GPT-1 (§4.1): ftfy, punctuation and whitespace, word splitting by spaCy.

The steps are those of the released code (openai/finetune-transformer-lm: text_utils.py). A cleaned text has
words and runs of punctuation with one space between them; a line break is the word ``"\n"``.
"""

import functools
import re
import warnings
from collections.abc import Callable
from typing import Any, Literal

WordSplitting = Literal["auto", "spacy", "rules"]
"""Splitter of words: spaCy, the toolkit's rules, or spaCy if it is installed."""

SPELLINGS = {"—": "-", "–": "-", "―": "-", "…": "...", "´": "'"}  # noqa: RUF001  released code
PUNCTUATION_RUN = r"""([-~!";?+,)(\\/*\[\]}{|_])\1*"""
SPACES = r"[^\S\n]{2,}|[^\S\n ]"
LINE_BREAK = r" ?\n[ \n]*"  # after SPACES are single

_punctuation_run = re.compile(PUNCTUATION_RUN)
_spaces = re.compile(SPACES)
_line_break = re.compile(LINE_BREAK)
_curly_quotes = {"“": '"', "”": '"', "‘": "'", "’": "'"}  # noqa: RUF001
# Other characters may be changed by ftfy: entities, control characters, letters that may be mojibake.
_needs_ftfy = re.compile(r"[^\t\n -%'-~“”‘’–—…]")  # noqa: RUF001


def repair(text: str) -> str:
    """Repair encoding errors with ``ftfy.fix_text``, line by line.

    Given a whole text, ftfy stops replacing HTML entities in all lines after the first ``<``. Line by line, a
    text that was cut at a line break is repaired like a whole one. In lines of ASCII and typographic
    punctuation ftfy only straightens quotes, which is done here for speed.
    """
    text = text.replace("\r\n", "\n")
    if not _needs_ftfy.search(text):
        return _straighten(text)
    from ftfy import fix_text

    return "\n".join(
        fix_text(line) if _needs_ftfy.search(line) else _straighten(line) for line in text.split("\n")
    )


def _straighten(text: str) -> str:
    """Replace curly quotes as ftfy does."""
    if not text.isascii():
        for curly, straight in _curly_quotes.items():
            text = text.replace(curly, straight)
    return text


def standardize(text: str, *, first: bool = True) -> str:
    """Put one space around runs of punctuation and around line breaks.

    The word splitter handles full stops, colons and apostrophes, as in the released code.

    Args:
        text: Text that :func:`repair` returned.
        first: Whether the text begins a document; a later chunk keeps the line break at its start.
    """
    for long, short in SPELLINGS.items():
        text = text.replace(long, short)
    text = _spaces.sub(" ", _punctuation_run.sub(r" \g<0> ", text))
    text = _line_break.sub(" \n ", text)
    return text.strip() if first else text.rstrip()


def clean(text: str, *, first: bool = True) -> str:
    """Clean a text for GPT-1's word splitter: :func:`repair`, then :func:`standardize`."""
    return standardize(repair(text), first=first)


# Rules of the toolkit for lower-case words, written after spaCy's English results: abbreviations keep their
# full stop, clitics are split off, other punctuation is separate.
_end = r"(?![^\W_])"
_abbreviations = (
    "mr|mrs|ms|messrs|dr|prof|rev|st|jr|gen|gov|sen|rep|adm|bros|corp|inc|ltd|co|vs|ph\\.d|d\\.c"
    "|jan|feb|aug|sept|oct|nov|dec"
)
_pronouns = "i|you|he|she|it|we|they|who|what|when|where|why|how|there|that|this|these|those"
_modals = "could|would|should|might|must|may"
WORD_PIECE = "|".join(
    (
        rf"(?:{_abbreviations})\.",
        rf"[^\W\d_]\.(?:[^\W\d_]\.)*{_end}",  # initials: u.s., a.m., j.
        r"\.\.+",
        rf"can(?=not{_end})|gon(?=na{_end})|got(?=ta{_end})",
        rf"[^\W\d_]+?(?=n't{_end})|n't{_end}",
        rf"(?:{_pronouns})(?='(?:ll|ve|re|m|d|s){_end})|(?:{_modals})(?='ve{_end})",
        rf"'(?:s|m|d|ll|re|ve|em|cause){_end}|''",
        rf"[^\W_]+(?:(?!'s{_end})(?:[.'&@^]|(?<=\d):(?=\d))[^\W_]+)*",
        r"--+|~~+|\\\\+|//+|\|\|+|@@+|\^\^+",
        r"\S",
    )
)
"""Regular expression of one piece of a lower-case word, for Python and for Oniguruma alike."""

_word_piece = re.compile(WORD_PIECE)


def split_by_rules(word: str) -> list[str]:
    """Split a word of cleaned text into lower-case pieces by the toolkit's rules.

    On the novels in the tests, more than 99.9% of the words are split as by spaCy.
    """
    return _word_piece.findall(word.lower())


def split_by_spacy(word: str) -> list[str]:
    """Split a word of cleaned text into lower-case pieces by spaCy's English rules.

    spaCy never looks across a space, so splitting word by word equals splitting the whole text.
    """
    return [token.text.lower() for token in _spacy_tokenizer()(word)]


@functools.cache
def _spacy_tokenizer() -> Callable[[str], Any]:
    import spacy

    tokenizer: Callable[[str], Any] = spacy.blank("en").tokenizer
    return tokenizer


def resolve_word_splitting(kind: WordSplitting) -> Literal["spacy", "rules"]:
    """Choose the splitter of words; warn if ``auto`` has to do without spaCy."""
    if kind not in ("auto", "spacy", "rules"):
        raise ValueError(f"word_splitting: {kind!r}; expected 'auto', 'spacy' or 'rules'")
    if kind == "rules":
        return "rules"
    import importlib.util

    if importlib.util.find_spec("spacy") is not None:
        return "spacy"
    if kind == "spacy":
        raise ValueError(
            "word_splitting: 'spacy'; expected spaCy to be installed; run pip install 'gpt-toolkit[spacy]', "
            "or use word_splitting='rules'"
        )
    warnings.warn(
        "spaCy is not installed: words are split by the toolkit's own rules, and a few token ids may differ "
        "from GPT-1's; for the released ids run pip install 'gpt-toolkit[spacy]'; word_splitting='rules' "
        "silences this warning",
        UserWarning,
        stacklevel=3,
    )
    return "rules"


def splitter(kind: Literal["spacy", "rules"]) -> Callable[[str], list[str]]:
    """Return the function that splits one word of cleaned text into lower-case pieces."""
    return split_by_spacy if kind == "spacy" else split_by_rules
