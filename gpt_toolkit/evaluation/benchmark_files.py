"""Readers of the published formats: a path to rows, and whether a file's beginning is of the format."""

import csv
import io
import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gpt_toolkit.evaluation.item_sources import Content, text_of
from gpt_toolkit.evaluation.items import (
    GAP,
    Cloze,
    Conversation,
    Document,
    LastWord,
    Question,
    Schema,
    Summary,
    Translation,
)
from gpt_toolkit.evaluation.perplexity import is_title

_POSSESSIVE = ("my", "his", "her", "our", "their")
_LOWERED = ("A", "An", "The", "She", "He", "It", "They", "My", "His", "Her", "Their")
_TAIL_BYTES = 5_000_000  # usual test part of enwik8 and text8


def _json_lines(path: Path, fields: Mapping[str, type]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(text_of(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            raise ValueError(
                f"{path}, line {number} is not JSON ({error}). Get the published file again."
            ) from None
        for name, kind in fields.items():
            if not isinstance(record, dict) or not isinstance(record.get(name), kind):
                raise ValueError(
                    f"{path}, line {number} has no {name} that is a {kind.__name__}; expected an object with "
                    f"{', '.join(fields)}."
                )
        yield record


def has_fields(*names: str) -> Callable[[str], bool]:
    """Whether a text begins with a JSON object that has these fields."""

    def recognizes(head: str) -> bool:
        return head.lstrip()[:1] == "{" and all(f'"{name}"' in head for name in names)

    return recognizes


# LAMBADA


def read_lambada(path: Path) -> Content:
    """OpenAI's JSON lines."""
    rows = [LastWord(record["text"]) for record in _json_lines(path, {"text": str})]
    return Content(rows, len(rows))


def is_plain_lambada(head: str) -> bool:
    """Whether a text is lower-case passages, one a line."""
    return head == head.lower() and " " in head and "\n" in head and head.lstrip()[:1] not in "{["


def read_plain_lambada(path: Path) -> Content:
    """The original file: a tokenized passage a line."""
    rows = [LastWord(line.strip(), tokenized=True) for line in text_of(path).split("\n") if line.strip()]
    return Content(rows, len(rows))


# Children's Book Test


def is_cbt(head: str) -> bool:
    """Whether a text is numbered sentences, the 21st a query."""
    return (
        re.match(r"1 .*\n2 ", head) is not None
        and re.search(r"^21 .*XXXXX.*\t", head, re.MULTILINE) is not None
    )


def read_cbt(path: Path) -> Content:
    """Blocks of 20 numbered lines and a query with answer and candidates, separated by tabs."""
    rows: list[Cloze] = []
    context: list[str] = []
    for number, line in enumerate(text_of(path).split("\n"), 1):
        if not line.strip():
            continue
        where, _, rest = line.partition(" ")
        if where != str(len(context) + 1):
            raise ValueError(f"{path}, line {number} begins with {where!r}, expected {len(context) + 1}.")
        if len(context) < 20:
            context.append(rest.strip())
            continue
        parts = [part for part in rest.split("\t") if part]
        candidates = tuple(parts[2].strip().split("|")) if len(parts) == 3 else ()
        if GAP not in parts[0] or not candidates or parts[1].strip() not in candidates:
            raise ValueError(
                f"{path}, line {number} is no query: expected a sentence with {GAP}, the answer and the "
                "candidates between tabs, the answer among them."
            )
        answer = candidates.index(parts[1].strip())
        rows.append(Cloze(tuple(context), parts[0].strip(), answer, candidates, tokenized=True))
        context = []
    return Content(rows, len(rows))


# Winograd schemas and DPRD


def substituted(left: str, pronoun: str, rest: str, options: Sequence[str], answer: int) -> Schema:
    """A sentence read in each way: options in lower case within it, with 's for a possessive.

    As Trinh and Le (2018) and lm-eval 0.4.13 (wsc273) do.
    """
    left = left.rstrip()
    beginnings = []
    for option in options:
        option = " ".join(option.split())
        if pronoun.lower() in _POSSESSIVE:
            option += "'s"
        first = option.split()[0]
        if first in _LOWERED and left and not left.endswith("."):
            option = option.replace(first, first.lower())
        beginnings.append(f"{left} {option}".strip())
    return Schema(tuple(beginnings), rest.strip(), answer)


def read_schemas_xml(path: Path) -> Content:
    """The collection as published; the first 273 schemas are WSC273."""
    try:
        collection = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise ValueError(f"{path} is not XML ({error}). Get the published file again.") from None
    rows: list[Schema] = []
    for schema in collection.iter("schema"):
        texts = [schema.find(f"text/{tag}") for tag in ("txt1", "pron", "txt2")]
        left, pronoun, rest = (
            " ".join((part.text or "").split()) if part is not None else "" for part in texts
        )
        options = [answer.text or "" for answer in schema.iter("answer")]
        letter = (schema.findtext("correctAnswer") or "").strip()[:1]
        if len(options) != 2 or letter not in ("A", "B") or not pronoun:
            raise ValueError(
                f"{path}: schema {len(rows) + 1} has no pronoun, two answers and A or B as the right one."
            )
        rows.append(substituted(left, pronoun, rest, options, "AB".index(letter)))
    return Content(rows[:273], len(rows))


def read_schemas_jsonl(path: Path) -> Content:
    """WSC273 as llm-foundry has it, substituted already."""
    fields = {"context_options": list, "continuation": str, "gold": int}
    rows = [
        Schema(tuple(record["context_options"]), record["continuation"].strip(), record["gold"])
        for record in _json_lines(path, fields)
    ]
    return Content(rows, len(rows))


def is_dprd(head: str) -> bool:
    """Whether a text is blocks of sentence, pronoun, two candidates and the right one."""
    block = head.split("\n")[:4]
    return len(block) == 4 and "," in block[2] and block[3].strip() in map(str.strip, block[2].split(","))


def read_dprd(path: Path) -> Content:
    """Blocks of four lines (Rahman and Ng 2012)."""
    rows = []
    blocks = re.split(r"\n\s*\n", text_of(path).strip())
    for number, block in enumerate(blocks, 1):
        lines = [line.strip() for line in block.split("\n")]
        candidates = [part.strip() for part in lines[2].split(",")] if len(lines) == 4 else []
        found = (
            [m.start() for m in re.finditer(rf"\b{re.escape(lines[1])}\b", lines[0])]
            if len(lines) == 4
            else []
        )
        if len(candidates) != 2 or lines[3] not in candidates or not found:
            raise ValueError(
                f"{path}, block {number} is not a sentence, a pronoun in it, two candidates between a comma, "
                "and the right one of them."
            )
        known = max(lines[0].lower().find(name.lower()) for name in candidates)
        start = next((place for place in found if place > known), found[-1])  # after both were named
        rest = lines[0][start + len(lines[1]) :]
        rows.append(substituted(lines[0][:start], lines[1], rest, candidates, candidates.index(lines[3])))
    return Content(rows, len(rows))


# CoQA, CNN/Daily Mail, Natural Questions, translation


def read_coqa(path: Path) -> Content:
    """The published JSON; further people's answers become further references."""
    try:
        data = json.loads(text_of(path))["data"]
        rows = [conversation(record) for record in data]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not CoQA's JSON ({error!r}). Get coqa-dev-v1.0.json again.") from None
    return Content(rows, len(rows))


def conversation(record: Mapping[str, Any]) -> Conversation:
    """A conversation of CoQA's JSON."""
    others = list(record.get("additional_answers", {}).values())
    answers = [
        tuple(str(given[turn]["input_text"]) for given in [record["answers"], *others])
        for turn in range(len(record["questions"]))
    ]
    return Conversation(record["story"], tuple(q["input_text"] for q in record["questions"]), tuple(answers))


def is_summaries(head: str) -> bool:
    """Whether a text is a table with articles and highlights."""
    columns = head.split("\n", 1)[0].lower().strip().split(",")
    return {"article", "highlights"} <= {column.strip('" ') for column in columns}


def read_summaries(path: Path) -> Content:
    """A table with the columns article and highlights."""
    csv.field_size_limit(1 << 24)  # articles are longer than the csv module expects
    rows = []
    for number, record in enumerate(csv.DictReader(io.StringIO(text_of(path))), 1):
        if not record.get("article") or not record.get("highlights"):
            raise ValueError(f"{path}, row {number} has no article or no highlights.")
        rows.append(Summary(record["article"], record["highlights"]))
    return Content(rows, len(rows))


def read_questions(path: Path) -> Content:
    """NQ-open's JSON lines."""
    records = _json_lines(path, {"question": str, "answer": list})
    rows = [Question(record["question"], tuple(record["answer"])) for record in records]
    return Content(rows, len(rows))


def read_pairs(source: str, target: str) -> Callable[[Path], Content]:
    """A file of sentences, one a line, with the file of the other language beside it.

    Args:
        source: Ending of the file of the language to translate from.
        target: Ending of the other.
    """

    def read(path: Path) -> Content:
        packed = ".gz" if path.name.endswith(".gz") else ""
        here = path.name.removesuffix(packed).rsplit(".", 1)[1]
        there = target if here == source else source
        other = path.with_name(f"{path.name.removesuffix(packed).rsplit('.', 1)[0]}.{there}{packed}")
        if not other.is_file():
            raise FileNotFoundError(
                f"{path} needs {other.name} beside it: the same lines in the other language."
            )
        lines = {
            file.name.removesuffix(packed).rsplit(".", 1)[1]: text_of(file).removesuffix("\n").split("\n")
            for file in (path, other)
        }
        if len(lines[source]) != len(lines[target]):
            raise ValueError(
                f"{path} has {len(lines[here]):,} lines and {other.name} {len(lines[there]):,}: the n-th "
                "line of one must be the n-th of the other."
            )
        pairs = zip(lines[source], lines[target], strict=True)
        rows = [Translation(a.strip(), b.strip()) for a, b in pairs]
        return Content(rows, len(rows))

    return read


# Running text


def is_wikitext(head: str) -> bool:
    """Whether a text has WikiText's headings and tokens."""
    return any(is_title(line) for line in head.split("\n")) and " , " in head


def has_unknowns(head: str) -> bool:
    """Whether a text is WikiText with rare words replaced."""
    return is_wikitext(head) and "<unk>" in head


def is_raw_wikitext(head: str) -> bool:
    """Whether a text is WikiText with all its words."""
    return is_wikitext(head) and "<unk>" not in head


def read_wikitext(path: Path) -> Content:
    """Articles; together they are the file."""
    text = text_of(path)
    return Content(articles(lines_of(text)), text.count("\n"))


def lines_of(text: str) -> list[str]:
    """Lines of a text with their ends."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def articles(lines: Sequence[str]) -> list[Document]:
    """Lines with their ends as documents that begin at an article's title."""
    found: list[list[str]] = [[]]
    for line in lines:
        if is_title(line) and any(map(str.strip, found[-1])):
            found.append([])
        found[-1].append(line)
    return [Document("".join(part), part is not found[-1]) for part in found]


def is_ptb(head: str) -> bool:
    """Whether a text is Penn Treebank as Mikolov made it."""
    return head == re.sub(r"[A-MO-Z]", "", head) and " <unk> " in head and " N " in head


def is_lines(head: str) -> bool:
    """Whether a text has several lines of words between blanks."""
    return head.count("\n") > 1 and " " in head and "\x00" not in head


def read_lines(path: Path) -> Content:
    """Lines, with their ends, as documents."""
    rows = [Document(line) for line in lines_of(text_of(path)) if line.strip()]
    return Content(rows, len(rows))


def is_enwik8(head: str) -> bool:
    """Whether a text is the beginning of a dump of Wikipedia."""
    return head.startswith("<mediawiki")


def is_text8(head: str) -> bool:
    """Whether a text is lower-case letters and blanks alone."""
    return re.fullmatch(r"[a-z ]+", head) is not None


def read_tail(path: Path) -> Content:
    """The last 5,000,000 bytes, from the beginning of a character on, as one document."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _TAIL_BYTES))
        return Content([_tail(file.read())], size)


def tail_of(records: Iterable[Mapping[str, Any]]) -> list[Document]:
    """The same of the hub's records, whose texts together are the file or its last part."""
    return [_tail("".join(record["text"] for record in records).encode()[-_TAIL_BYTES:])]


def _tail(data: bytes) -> Document:
    while data and data[0] & 0xC0 == 0x80:
        data = data[1:]
    return Document(data.decode())
