"""De-tokenizers: word lists with spaces around every token, as running text (GPT-2 §3.1).

The paper scores tokenized corpora after undoing their tokenization by rules that can be inverted. So the
probability of the running text is that of the original. OpenAI's rules were never released; the rules of
:class:`Detokenizer` are tuned here. ``retokenize(detokenize(text)) == text`` holds for every text: a token
that retokenizing would not restore keeps its space, or is written after ``ESCAPE``.

All rules are in ``detokenizers.yaml``. Those of Megatron-LM and lm-eval cannot be inverted.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final

from gpt_toolkit.yaml_files import read_yaml

ESCAPE: Final = "\u2060"
"""Word joiner, an invisible character. The text after it, up to the next space, is one token. Alone at the
beginning of a line it means that the rest of the line is unchanged."""

_INITIALS = r"(?:[^\W\d_]\.)+"
_SHORTENED = (
    r"adm|bros|capt|cf|co|col|corp|cpl|dept|dr|ed|eds|etc|ft|gen|gov|hon|inc|jr|lt|ltd|maj|mr|mrs|ms|mt|no|op"
    r"|ph\.d|pp|prof|rep|rev|sen|sgt|sr|st|vol|vs|jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec"
)
_abbreviation = re.compile(rf"[(\[{{\"'$]*(?:{_INITIALS}|(?:{_SHORTENED})\.)", re.IGNORECASE)


class Detokenizer:
    """Rules of one corpus; each maps a token to its written form.

    Args:
        before: Tokens that are joined to the word after them, with spaces between them.
        after: Tokens that are joined to the word before them, with spaces between them.
        before_written: Further ones that are written differently; each form is one character.
        after_written: Further ones that are written differently.
        between: Tokens that are joined to both words: the form, and the characters required on both sides.
        quotes: Tokens that open and close in turn; ``'`` after an s is an apostrophe unless one is open.
        inside: Parts of tokens that are written differently.
        padded: True if lines begin and end with a space, and an empty line is one space.
        headings: True if ``= =`` is written ``==``.
    """

    def __init__(
        self,
        before: str,
        after: str,
        before_written: Mapping[str, str] = MappingProxyType({}),
        after_written: Mapping[str, str] = MappingProxyType({}),
        between: Mapping[str, Sequence[str]] = MappingProxyType({}),
        quotes: str = "",
        inside: Mapping[str, str] = MappingProxyType({}),
        padded: bool = False,
        headings: bool = False,
    ) -> None:
        self.before = {token: token for token in before.split()} | dict(before_written)
        self.after = {token: token for token in after.split()} | dict(after_written)
        self.between, self.quotes, self.inside = between, quotes, inside
        self.padded, self.headings = padded, headings
        # tokens by written form
        unchanged = {quote: quote for quote in quotes}
        self._before = unchanged | {form: token for token, form in self.before.items()}
        self._after = unchanged | {form: token for token, form in self.after.items()}
        self._alone = self._after | self._before
        self._between = {form: token for token, (form, _) in between.items()}
        rules = [f"(?<={side}){re.escape(form)}(?={side})" for form, side in between.values()]
        self._infix = re.compile(f"({'|'.join(rules)})")
        self._after_forms = sorted(self._after, key=len, reverse=True)
        self._last_characters = {form[-1] for form in self._after}
        self._splits: dict[str, list[str]] = {}

    def detokenize(self, text: str) -> str:
        """Return the running text of tokenized lines."""
        body, end = _without_last_newline(text)
        tokenized = body.split("\n")
        lines = [self._write_line(line) for line in tokenized]
        if not end and len(lines) > 1 and not lines[-1]:  # else the text would seem to end in a line break
            lines[-1] = f"{ESCAPE} {tokenized[-1]}"
        return "\n".join(lines) + end

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
                chunk, held = self._write_alone(token, opens=opens), joined
            wants_more = opens
            i += len(joined)
        if held:
            yield chunk

    def _write_alone(self, token: str, *, opens: bool) -> str:
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
        if chunk in self._alone:
            return [self._alone[chunk]]
        if self.headings and not chunk.strip("="):
            return list(chunk)
        first, last = list[str](), list[str]()
        while len(chunk) > 1 and chunk not in self._after and chunk[0] in self._before:
            first.append(self._before[chunk[0]])
            chunk = chunk[1:]
        while form := self._trailing(chunk):
            last.append(self._after[form])
            chunk = chunk[: -len(form)]
        if chunk in self._alone:
            middle = [self._alone[chunk]]
        else:
            middle = self._infix.split(chunk) if self.between else [chunk]
            middle = [self._between.get(part, part) if n % 2 else part for n, part in enumerate(middle)]
            for part, written in self.inside.items():
                middle = [piece.replace(written, part) for piece in middle]
        return [*first, *middle, *reversed(last)]

    def _trailing(self, chunk: str) -> str:
        """Return the written form of a token that ends a chunk after a word, or ""."""
        if chunk[-1:] not in self._last_characters:
            return ""
        for form in self._after_forms:
            if len(chunk) > len(form) and chunk.endswith(form):
                return "" if form == "." and _abbreviation.fullmatch(chunk) else form
        return ""


def _without_last_newline(text: str) -> tuple[str, str]:
    return (text[:-1], "\n") if text.endswith("\n") else (text, "")


def _apply(rules: Sequence[tuple[str, str]], text: str) -> str:
    for pattern, written in rules:
        text = re.sub(pattern, written, text)
    return text


_RULES = read_yaml(Path(__file__).with_name("detokenizers.yaml"))

DETOKENIZERS: Final = MappingProxyType(
    {name: Detokenizer(**rules) for name, rules in _RULES["invertible"].items()}
)
"""Invertible rules by name of the corpus."""

PUBLISHED_DETOKENIZERS: Final = MappingProxyType(
    {name: partial(_apply, rules) for name, rules in _RULES["published"].items()}
)
"""Functions that apply the rules of published evaluators, by name of the corpus."""
