"""Readers of the published file formats, and functions that recognize a format from a file's beginning."""

import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from gpt_toolkit.evaluation.item_sources import Content, FileFormat, text_of
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
    is_title,
    replace_pronoun,
    split_articles,
    split_lines,
)
from gpt_toolkit.records import read_records

TAIL_BYTES = 5_000_000
"""Size of the usual test part of enwik8 and text8."""


def _records(path: Path, fields: Mapping[str, type]) -> Iterator[dict[str, Any]]:
    """Read the records of a file, and check that each has these fields of these types."""
    for record in read_records(path):
        for name, expected in fields.items():
            if not isinstance(record.fields.get(name), expected):
                raise ValueError(
                    f"{record.where} has no {name} that is a {expected.__name__}; expected an object with "
                    f"{', '.join(fields)}"
                )
        yield record.fields


def has_fields(*names: str) -> Callable[[str], bool]:
    """Return a function that recognizes a text that begins with a JSON object with these fields."""

    def recognizes(head: str) -> bool:
        return head.lstrip()[:1] == "{" and all(f'"{name}"' in head for name in names)

    return recognizes


# LAMBADA


def read_lambada(path: Path) -> Content:
    """Read OpenAI's JSON lines."""
    items = [LastWord(record["text"]) for record in _records(path, {"text": str})]
    return Content(items, len(items))


def is_plain_lambada(head: str) -> bool:
    """Return True for lower-case passages, one a line."""
    return head == head.lower() and " " in head and "\n" in head and head.lstrip()[:1] not in "{["


def read_plain_lambada(path: Path) -> Content:
    """Read the original file: a tokenized passage a line."""
    items = [LastWord(line.strip(), tokenized=True) for line in text_of(path).split("\n") if line.strip()]
    return Content(items, len(items))


# Children's Book Test


def is_cbt(head: str) -> bool:
    """Return True for numbered sentences of which the 21st is a query."""
    has_query = re.search(r"^21 .*XXXXX.*\t", head, re.MULTILINE) is not None
    return has_query and re.match(r"1 .*\n2 ", head) is not None


def read_cbt(path: Path) -> Content:
    """Read blocks of 20 numbered lines and a query with answer and candidates, separated by tabs."""
    items: list[Cloze] = []
    context: list[str] = []
    for number, line in enumerate(text_of(path).split("\n"), 1):
        if not line.strip():
            continue
        place, _, rest = line.partition(" ")
        if place != str(len(context) + 1):
            raise ValueError(f"{path}, line {number} begins with {place!r}, expected {len(context) + 1}")
        if len(context) < 20:
            context.append(rest.strip())
            continue
        parts = [part for part in rest.split("\t") if part]
        candidates = tuple(parts[2].strip().split("|")) if len(parts) == 3 else ()
        if GAP not in parts[0] or not candidates or parts[1].strip() not in candidates:
            raise ValueError(
                f"{path}, line {number} is no query; expected a sentence with {GAP}, the answer and the "
                "candidates between tabs, the answer among them"
            )
        answer = candidates.index(parts[1].strip())
        items.append(Cloze(tuple(context), parts[0].strip(), answer, candidates, tokenized=True))
        context = []
    return Content(items, len(items))


# Winograd schemas and DPRD


def is_schemas_xml(head: str) -> bool:
    """Return True for the published collection."""
    return "<schema>" in head


def read_schemas_xml(path: Path) -> Content:
    """Read the collection as published; the first 273 schemas are WSC273."""
    try:
        collection = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise ValueError(f"{path} is not XML ({error}); get the published file again") from None
    items: list[Schema] = []
    for schema in collection.iter("schema"):
        left, pronoun, rest = (
            " ".join((schema.findtext(f"text/{tag}") or "").split()) for tag in ("txt1", "pron", "txt2")
        )
        options = [answer.text or "" for answer in schema.iter("answer")]
        letter = (schema.findtext("correctAnswer") or "").strip()[:1]
        if len(options) != 2 or letter not in ("A", "B") or not pronoun:
            raise ValueError(
                f"{path}: schema {len(items) + 1} has no pronoun, two answers and A or B as the right one"
            )
        items.append(replace_pronoun(left, pronoun, rest, options, "AB".index(letter)))
    return Content(items[:273], len(items))


def read_schemas_jsonl(path: Path) -> Content:
    """Read WSC273 as llm-foundry has it, with the pronouns already replaced."""
    fields = {"context_options": list, "continuation": str, "gold": int}
    items = [
        Schema(tuple(record["context_options"]), record["continuation"].strip(), record["gold"])
        for record in _records(path, fields)
    ]
    return Content(items, len(items))


def is_dprd(head: str) -> bool:
    """Return True for blocks of a sentence, a pronoun, two candidates and the right one."""
    block = head.split("\n")[:4]
    return len(block) == 4 and "," in block[2] and block[3].strip() in map(str.strip, block[2].split(","))


def read_dprd(path: Path) -> Content:
    """Read blocks of four lines (Rahman and Ng 2012)."""
    items = []
    for number, block in enumerate(re.split(r"\n\s*\n", text_of(path).strip()), 1):
        lines = [line.strip() for line in block.split("\n")]
        sentence, pronoun, names, right = lines if len(lines) == 4 else [""] * 4
        candidates = [name.strip() for name in names.split(",")]
        places = [found.start() for found in re.finditer(rf"\b{re.escape(pronoun)}\b", sentence)]
        if len(candidates) != 2 or right not in candidates or not places:
            raise ValueError(
                f"{path}, block {number} is not a sentence, a pronoun in it, two candidates with a comma "
                "between them, and the right one"
            )
        named = max(sentence.lower().find(name.lower()) for name in candidates)
        start = next((place for place in places if place > named), places[-1])  # after both were named
        rest = sentence[start + len(pronoun) :]
        items.append(replace_pronoun(sentence[:start], pronoun, rest, candidates, candidates.index(right)))
    return Content(items, len(items))


# CoQA, CNN/Daily Mail, Natural Questions, translation


def read_coqa(path: Path) -> Content:
    """Read the published JSON; additional human answers become additional references."""
    try:
        items = [_conversation(record) for record in json.loads(text_of(path))["data"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not CoQA's JSON ({error!r}); get coqa-dev-v1.0.json again") from None
    return Content(items, len(items))


def _conversation(record: Mapping[str, Any]) -> Conversation:
    speakers = [record["answers"], *record.get("additional_answers", {}).values()]
    questions = tuple(question["input_text"] for question in record["questions"])
    answers = [
        tuple(str(speaker[turn]["input_text"]) for speaker in speakers) for turn in range(len(questions))
    ]
    return Conversation(record["story"], questions, tuple(answers))


def is_summaries(head: str) -> bool:
    """Return True for a table with the columns article and highlights."""
    columns = head.split("\n", 1)[0].lower().strip().split(",")
    return {"article", "highlights"} <= {column.strip('" ') for column in columns}


def read_summaries(path: Path) -> Content:
    """Read a table with the columns article and highlights."""
    items = []
    for number, record in enumerate(read_records(path), 1):
        article, highlights = record.fields.get("article"), record.fields.get("highlights")
        if not article or not highlights:
            raise ValueError(f"{path}, row {number} has no article or no highlights")
        items.append(Summary(article, highlights))
    return Content(items, len(items))


def read_questions(path: Path) -> Content:
    """Read NQ-open's JSON lines."""
    records = _records(path, {"question": str, "answer": list})
    items = [Question(record["question"], tuple(record["answer"])) for record in records]
    return Content(items, len(items))


def read_pairs(source: str, target: str) -> Callable[[Path], Content]:
    """Return a reader of sentences, one a line, in two files next to each other.

    Args:
        source: Ending of the file of the language to translate from.
        target: Ending of the file of the other language.
    """

    def read(path: Path) -> Content:
        packed = ".gz" if path.name.endswith(".gz") else ""
        stem, _, ending = path.name.removesuffix(packed).rpartition(".")
        other_ending = target if ending == source else source
        other = path.with_name(f"{stem}.{other_ending}{packed}")
        if not other.is_file():
            raise FileNotFoundError(
                f"{path} needs {other.name} beside it: the same lines in the other language"
            )
        lines = {
            ending: text_of(path).removesuffix("\n").split("\n"),
            other_ending: text_of(other).removesuffix("\n").split("\n"),
        }
        if len(lines[source]) != len(lines[target]):
            raise ValueError(
                f"{path} has {len(lines[ending]):,} lines and {other.name} {len(lines[other_ending]):,}; "
                "expected the same lines in both languages"
            )
        pairs = zip(lines[source], lines[target], strict=True)
        items = [Translation(a.strip(), b.strip()) for a, b in pairs]
        return Content(items, len(items))

    return read


# Running text


def _is_wikitext(head: str) -> bool:
    return any(is_title(line) for line in head.split("\n")) and " , " in head


def has_unknowns(head: str) -> bool:
    """Return True for WikiText with rare words replaced."""
    return _is_wikitext(head) and "<unk>" in head


def is_raw_wikitext(head: str) -> bool:
    """Return True for WikiText with all its words."""
    return _is_wikitext(head) and "<unk>" not in head


def read_wikitext(path: Path) -> Content:
    """Read articles, which together are the file."""
    text = text_of(path)
    return Content(split_articles(split_lines(text)), text.count("\n"))


def is_ptb(head: str) -> bool:
    """Return True for Penn Treebank as Mikolov prepared it."""
    return head == re.sub(r"[A-MO-Z]", "", head) and " <unk> " in head and " N " in head


def is_lines(head: str) -> bool:
    """Return True for several lines of words separated by spaces."""
    return head.count("\n") > 1 and " " in head and "\x00" not in head


def read_lines(path: Path) -> Content:
    """Read lines, with their ends, as documents."""
    items = [Document(line) for line in split_lines(text_of(path)) if line.strip()]
    return Content(items, len(items))


def is_enwik8(head: str) -> bool:
    """Return True for the beginning of a dump of Wikipedia."""
    return head.startswith("<mediawiki")


def is_text8(head: str) -> bool:
    """Return True for a text of lower-case letters and spaces only."""
    return re.fullmatch(r"[a-z ]+", head) is not None


def read_tail(path: Path) -> Content:
    """Read the last 5,000,000 bytes, from the beginning of a character on, as one document."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - TAIL_BYTES))
        return Content([tail(file.read())], size)


def tail(data: bytes) -> Document:
    """Return bytes as a document that begins at a character."""
    while data and data[0] & 0xC0 == 0x80:
        data = data[1:]
    return Document(data.decode())


FORMATS: Final = MappingProxyType(
    {
        "cbt": FileFormat(is_cbt, read_cbt),
        "cnn_dm": FileFormat(is_summaries, read_summaries),
        "coqa": FileFormat(has_fields("data"), read_coqa),
        "dprd": FileFormat(is_dprd, read_dprd),
        "enwik8": FileFormat(is_enwik8, read_tail),
        "lambada": FileFormat(has_fields("text"), read_lambada),
        "lambada_original": FileFormat(is_plain_lambada, read_plain_lambada),
        "lines": FileFormat(is_lines, read_lines),
        "nq_open": FileFormat(has_fields("question", "answer"), read_questions),
        "pairs_en_fr": FileFormat(is_lines, read_pairs("en", "fr")),
        "pairs_fr_en": FileFormat(is_lines, read_pairs("fr", "en")),
        "ptb": FileFormat(is_ptb, read_lines),
        "text8": FileFormat(is_text8, read_tail),
        "wikitext": FileFormat(has_unknowns, read_wikitext),
        "wikitext_raw": FileFormat(is_raw_wikitext, read_wikitext),
        "wsc273": FileFormat(has_fields("context_options", "gold"), read_schemas_jsonl),
        "wsc_xml": FileFormat(is_schemas_xml, read_schemas_xml),
    }
)
"""File formats by the name that ``benchmarks.yaml`` gives them."""
