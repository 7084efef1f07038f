"""De-tokenizers: word lists with spaces around every token, as running text (GPT-2 §3.1).

The paper scores tokenized corpora after undoing their tokenization by rules that can be inverted. So the
probability of the running text is that of the original. OpenAI's rules were never released; the rules of
:class:`Detokenizer` are tuned here. ``retokenize(detokenize(text)) == text`` holds for every text: a token
that retokenizing would not restore keeps its space, or is written after ``ESCAPE``.

The rules of Megatron-LM and lm-eval cannot be inverted, and are not OpenAI's.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from types import MappingProxyType
from typing import Final

ESCAPE: Final = "\u2060"
"""Word joiner, an invisible character. The text after it, up to the next space, is one token. Alone at the
beginning of a line it means that the rest of the line is unchanged."""

_INITIALS = r"(?:[^\W\d_]\.)+"
_SHORTENED = (
    r"adm|bros|capt|cf|co|col|corp|cpl|dept|dr|ed|eds|etc|ft|gen|gov|hon|inc|jr|lt|ltd|maj|mr|mrs|ms|mt|no|op"
    r"|ph\.d|pp|prof|rep|rev|sen|sgt|sr|st|vol|vs|jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec"
)
_abbreviation = re.compile(rf"[(\[{{\"'$]*(?:{_INITIALS}|(?:{_SHORTENED})\.)", re.IGNORECASE)
_CONTRACTIONS: Final = ("n't", "'s", "'re", "'ve", "'ll", "'d", "'m", "'t")


def _as_written(tokens: str) -> dict[str, str]:
    return {token: token for token in tokens.split()}


@dataclass(frozen=True, eq=False)
class Detokenizer:
    """Rules of one corpus; each maps a token to its written form.

    Args:
        name: Name of the corpus.
        before: Tokens that are joined to the word after them.
        after: Tokens that are joined to the word before them.
        between: Tokens that are joined to both words, and the characters required on both sides.
        quotes: Tokens that open and close in turn; ``'`` after an s is an apostrophe unless one is open.
        inside: Parts of tokens that are written differently.
        padded: True if lines begin and end with a space, and an empty line is one space.
        headings: True if ``= =`` is written ``==``.
    """

    name: str
    before: Mapping[str, str]
    after: Mapping[str, str]
    between: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    quotes: str = ""
    inside: Mapping[str, str] = field(default_factory=dict)
    padded: bool = False
    headings: bool = False

    def detokenize(self, text: str) -> str:
        """Return the running text of tokenized lines."""
        body, end = _without_last_newline(text)
        return "\n".join(map(self._write_line, body.split("\n"))) + end

    def retokenize(self, text: str) -> str:
        """Return the tokenized lines from which :meth:`detokenize` made a text."""
        body, end = _without_last_newline(text)
        return "\n".join(map(self._read_line, body.split("\n"))) + end

    def _write_line(self, line: str) -> str:
        tokens = [token for token in line.split(" ") if token]
        if self._line(tokens) != line:
            return f"{ESCAPE} {line}"
        return " ".join(self._chunks(tokens))

    def _read_line(self, line: str) -> str:
        if line == ESCAPE or line.startswith(f"{ESCAPE} "):
            return line[2:]
        return self._line([token for chunk in line.split(" ") if chunk for token in self._split(chunk)])

    def _line(self, tokens: list[str]) -> str:
        if not self.padded:
            return " ".join(tokens)
        return f" {' '.join(tokens)} " if tokens else " "

    def _chunks(self, tokens: list[str]) -> Iterator[str]:
        """Yield the parts of the running text between spaces.

        A token joins the chunk before it only if the chunk then splits into exactly these tokens.
        """
        chunk, held, wants_more = "", list[str](), False
        is_open = dict.fromkeys(self.quotes, False)
        i = 0
        while i < len(tokens):
            token = tokens[i]
            opens = token in self.before or (token in is_open and not is_open[token])
            closes = token in self.after or (token in is_open and is_open[token])
            if token == "'" in self.quotes and not is_open[token] and i and tokens[i - 1].endswith("s"):
                opens, closes = False, True  # an apostrophe
            elif token in is_open:
                is_open[token] = not is_open[token]
            joined = [token]
            if held and token in self.between and i + 1 < len(tokens):
                joined = tokens[i : i + 2]
                written = chunk + self.between[token][0] + self._inside(joined[1])
            elif held and closes:
                written = chunk + self.after.get(token, token)
            elif held and wants_more:
                written = chunk + (self.before.get(token, token) if opens else self._inside(token))
            else:
                written = ""
            if self.headings and token == "=" and held and set(held) == {"="}:
                written = chunk + token
            if written and self._split(written) == held + joined:
                chunk, held = written, held + joined
            else:
                if held:
                    yield chunk
                joined = [token]
                chunk, held = self._alone(token, opens=opens), joined
            wants_more = opens
            i += len(joined)
        if held:
            yield chunk

    def _alone(self, token: str, *, opens: bool) -> str:
        written = self.before.get(token, token) if opens else self._inside(token)
        for form in (written, token):
            if self._split(form) == [token]:
                return form
        return ESCAPE + token

    def _inside(self, token: str) -> str:
        for part, written in self.inside.items():
            token = token.replace(part, written)
        return token

    def _split(self, chunk: str) -> list[str]:
        if chunk not in self._splits:
            self._splits[chunk] = self._apply_rules(chunk)
        return self._splits[chunk]

    def _apply_rules(self, chunk: str) -> list[str]:
        """Return the tokens of a chunk."""
        if chunk.startswith(ESCAPE):
            return [chunk[1:]] if len(chunk) > 1 else []  # alone it is not a token
        if chunk in self._tokens:
            return [self._tokens[chunk]]
        if self.headings and not chunk.strip("="):
            return list(chunk)
        first, last = list[str](), list[str]()
        while len(chunk) > 1 and chunk not in self._after and chunk[0] in self._before:
            first.append(self._before[chunk[0]])
            chunk = chunk[1:]
        while form := self._trailing(chunk):
            last.append(self._after[form])
            chunk = chunk[: -len(form)]
        if chunk in self._tokens:
            middle = [self._tokens[chunk]]
        else:
            middle = self._infix.split(chunk) if self.between else [chunk]
            middle = [self._between.get(part, part) if n % 2 else part for n, part in enumerate(middle)]
            for part, written in self.inside.items():
                middle = [piece.replace(written, part) for piece in middle]
        return [*first, *middle, *reversed(last)]

    def _trailing(self, chunk: str) -> str:
        """Return the written form of a token that ends a chunk after a word; "" if there is none."""
        if chunk[-1:] not in self._last_characters:
            return ""
        for form in self._after_forms:
            if len(chunk) > len(form) and chunk.endswith(form):
                return "" if form == "." and _abbreviation.fullmatch(chunk) else form
        return ""

    @cached_property
    def _splits(self) -> dict[str, list[str]]:
        return {}

    @cached_property
    def _before(self) -> dict[str, str]:
        """Tokens by written form; each form is one character."""
        return {**{quote: quote for quote in self.quotes}, **{form: t for t, form in self.before.items()}}

    @cached_property
    def _after(self) -> dict[str, str]:
        return {**{quote: quote for quote in self.quotes}, **{form: t for t, form in self.after.items()}}

    @cached_property
    def _after_forms(self) -> list[str]:
        return sorted(self._after, key=len, reverse=True)

    @cached_property
    def _last_characters(self) -> set[str]:
        return {form[-1] for form in self._after}

    @cached_property
    def _tokens(self) -> dict[str, str]:
        """Tokens by written forms that are a token when they stand alone."""
        return {**self._after, **self._before}

    @cached_property
    def _between(self) -> dict[str, str]:
        return {form: token for token, (form, _) in self.between.items()}

    @cached_property
    def _infix(self) -> re.Pattern[str]:
        rules = [f"(?<={side}){re.escape(form)}(?={side})" for form, side in self.between.values()]
        return re.compile(f"({'|'.join(rules)})")


def _without_last_newline(text: str) -> tuple[str, str]:
    return (text[:-1], "\n") if text.endswith("\n") else (text, "")


_STOPS = _as_written(", . ; : ! ? ) ] } % ... " + " ".join(_CONTRACTIONS))

WIKITEXT: Final = Detokenizer(
    name="wikitext",
    before=_as_written("( [ { $ £ #"),
    after={**_STOPS, "°": "°"},
    between={"@-@": ("-", r"\w"), "@,@": (",", r"\d"), "@.@": (".", r"\d")},
    quotes="\"'",
    padded=True,
    headings=True,
)
"""WikiText-2 and -103, raw or with ``<unk>`` (Merity et al. 2016)."""

PENN_TREEBANK: Final = Detokenizer(
    name="ptb",
    before=_as_written("$ #"),
    after=_as_written("' % " + " ".join(_CONTRACTIONS)),
    inside={"\\/": "/"},
    padded=True,
)
"""Penn Treebank as Mikolov prepared it: lower case, no punctuation, N for numbers."""

ONE_BILLION_WORDS: Final = Detokenizer(
    name="1bw",
    before=_as_written("( [ { $ £ #"),
    after=_STOPS,
    quotes="\"'",
)
"""One Billion Word benchmark (Chelba et al. 2013): one sentence a line."""

BOOKS: Final = Detokenizer(
    name="books",
    before={**_as_written("$ £ # ["), "``": '"', "`": "'", "-LRB-": "(", "-LSB-": "[", "-LCB-": "{"},
    after={**_STOPS, "''": '"', "'": "'", "-RRB-": ")", "-RSB-": "]", "-RCB-": "}"},
)
"""Penn Treebank's tokens with quotes and brackets: the Children's Book Test, LAMBADA's original file."""

DETOKENIZERS: Final = MappingProxyType(
    {rules.name: rules for rules in (WIKITEXT, PENN_TREEBANK, ONE_BILLION_WORDS)}
)
"""Rules of corpora by name."""


# Published rules

_Rules = tuple[tuple[str, str], ...]

# Patterns and their replacements, applied in this order.
_MEGATRON_WIKITEXT: Final[_Rules] = (
    (r"s '", "s'"),
    (r"/' [0-9]/", r"/'[0-9]/"),  # as published: it matches slashes, which was hardly intended
    (" @-@ ", "-"),
    (" @,@ ", ","),
    (r" @\.@ ", "."),
    *((f" {re.escape(sign)} ", f"{sign} ") for sign in ":;.!?,"),
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
_MEGATRON_PTB: Final[_Rules] = (
    (r" '", "'"),
    (r" \n", r"\n"),
    (r"\n ", r"\n"),
    (r" n't", "n't"),
    (r" N ", " 1 "),
    (r"\$ 1", "$1"),
    ("# 1", "#1"),
)


def _apply(rules: _Rules, text: str) -> str:
    for pattern, written in rules:
        text = re.sub(pattern, written, text)
    return text


PUBLISHED_DETOKENIZERS: Final = MappingProxyType(
    {
        "wikitext": partial(_apply, _MEGATRON_WIKITEXT),  # Megatron-LM@164204c and lm-eval 0.4.13 agree
        "ptb": partial(_apply, _MEGATRON_PTB),  # Megatron-LM@164204c
    }
)
"""Functions that turn a tokenized text into running text by published rules, by name of the corpus."""
