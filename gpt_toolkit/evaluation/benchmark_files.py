"""Formats of the published files: how they are recognized and read."""

import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from gpt_toolkit.evaluation.items import (
    GAP,
    TAIL_BYTES,
    Cloze,
    Conversation,
    Document,
    Fields,
    LastWord,
    Schema,
    Translation,
    arc,
    blimp,
    hellaswag,
    last_word,
    piqa,
    question,
    replace_pronoun,
    replaced_schema,
    split_articles,
    split_lines,
    summary,
    tail,
    winogrande,
)
from gpt_toolkit.io import open_bytes
from gpt_toolkit.records import read_records


class Content(NamedTuple):
    """Content of a file.

    Attributes:
        items: All its items.
        size: Its size in the unit of the published size: items, or lines of running text.
    """

    items: Sequence[Any]
    size: int


class FileFormat(NamedTuple):
    """A format of files: a regular expression for the beginning, and a reader."""

    beginning: str
    read: Callable[[Path], Content]

    def recognizes(self, head: str) -> bool:
        """Return True if the beginning of a file is of this format."""
        return re.search(self.beginning, head) is not None


def text_of(path: Path) -> str:
    """Return the text of a file, unpacked, with LF line ends."""
    with open_bytes(path) as file:
        return file.read().decode("utf-8-sig").replace("\r\n", "\n")


def read_plain_lambada(path: Path) -> Content:
    """Read LAMBADA's original file: a tokenized passage a line."""
    items = [LastWord(line.strip(), tokenized=True) for line in text_of(path).split("\n") if line.strip()]
    return Content(items, len(items))


def read_cbt(path: Path) -> Content:
    """Read the Children's Book Test: blocks of 20 numbered lines and a query with its candidates."""
    items: list[Cloze] = []
    context: list[str] = []
    for number, line in enumerate(text_of(path).split("\n"), 1):
        if not line.strip():
            continue
        place, _, rest = line.partition(" ")
        if place != str(len(context) + 1):
            raise ValueError(
                f"{path}, line {number}: number {place!r}; expected {len(context) + 1}; download the file "
                "again"
            )
        if len(context) < 20:
            context.append(rest.strip())
            continue
        parts = [part for part in rest.split("\t") if part]
        candidates = tuple(parts[2].strip().split("|")) if len(parts) == 3 else ()
        if GAP not in parts[0] or not candidates or parts[1].strip() not in candidates:
            raise ValueError(
                f"{path}, line {number}: not a query; expected a sentence with {GAP}, the answer and the "
                "candidates between tabs, the answer among them"
            )
        answer = candidates.index(parts[1].strip())
        items.append(Cloze(tuple(context), parts[0].strip(), answer, candidates, tokenized=True))
        context = []
    return Content(items, len(items))


def read_schemas_xml(path: Path) -> Content:
    """Read the collection of Winograd schemas; the first 273 are WSC273."""
    try:
        collection = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise ValueError(f"{path}: {error}; expected XML; download the published file again") from None
    items: list[Schema] = []
    for schema in collection.iter("schema"):
        left, pronoun, rest = (
            " ".join((schema.findtext(f"text/{tag}") or "").split()) for tag in ("txt1", "pron", "txt2")
        )
        options = [answer.text or "" for answer in schema.iter("answer")]
        letter = (schema.findtext("correctAnswer") or "").strip()[:1]
        if len(options) != 2 or letter not in ("A", "B") or not pronoun:
            raise ValueError(
                f"{path}: incomplete schema {len(items) + 1}; expected a pronoun, two answers and A or B as "
                "the right one"
            )
        items.append(replace_pronoun(left, pronoun, rest, options, "AB".index(letter)))
    return Content(items[:273], len(items))


def read_dprd(path: Path) -> Content:
    """Read DPRD: blocks of four lines (Rahman and Ng 2012)."""
    items = []
    for number, block in enumerate(re.split(r"\n\s*\n", text_of(path).strip()), 1):
        lines = [line.strip() for line in block.split("\n")]
        sentence, pronoun, names, right = lines if len(lines) == 4 else [""] * 4
        candidates = [name.strip() for name in names.split(",")]
        places = [found.start() for found in re.finditer(rf"\b{re.escape(pronoun)}\b", sentence)]
        if len(candidates) != 2 or right not in candidates or not places:
            raise ValueError(
                f"{path}, block {number}: other content; expected a sentence, a pronoun in it, two "
                "candidates with a comma between them, and the right one"
            )
        named = max(sentence.lower().find(name.lower()) for name in candidates)
        start = next((place for place in places if place > named), places[-1])  # after both were named
        rest = sentence[start + len(pronoun) :]
        items.append(replace_pronoun(sentence[:start], pronoun, rest, candidates, candidates.index(right)))
    return Content(items, len(items))


def read_coqa(path: Path) -> Content:
    """Read CoQA's JSON; additional human answers become additional references."""
    try:
        items = [_coqa_conversation(record) for record in json.loads(text_of(path))["data"]]
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path}: {error!r}; expected CoQA's JSON; download coqa-dev-v1.0.json again"
        ) from None
    return Content(items, len(items))


def _coqa_conversation(record: Mapping[str, Any]) -> Conversation:
    speakers = [record["answers"], *record.get("additional_answers", {}).values()]
    questions = tuple(question["input_text"] for question in record["questions"])
    answers = [
        tuple(str(speaker[turn]["input_text"]) for speaker in speakers) for turn in range(len(questions))
    ]
    if not all(isinstance(text, str) for text in (record["story"], *questions)):
        raise TypeError("a story or a question is not text")
    return Conversation(record["story"], questions, tuple(answers))


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
                f"{path}: no {other.name} next to it; expected the same lines in the other language"
            )
        lines = {
            ending: text_of(path).removesuffix("\n").split("\n"),
            other_ending: text_of(other).removesuffix("\n").split("\n"),
        }
        if len(lines[source]) != len(lines[target]):
            raise ValueError(
                f"{path}: {len(lines[ending]):,} lines; expected {len(lines[other_ending]):,}, as in "
                f"{other.name}"
            )
        pairs = zip(lines[source], lines[target], strict=True)
        items = [Translation(a.strip(), b.strip()) for a, b in pairs]
        return Content(items, len(items))

    return read


def read_wikitext(path: Path) -> Content:
    """Read articles of WikiText, which together are the file."""
    text = text_of(path)
    return Content(split_articles(split_lines(text)), text.count("\n"))


def read_lines(path: Path) -> Content:
    """Read lines, with their ends, as documents."""
    items = [Document(line) for line in split_lines(text_of(path)) if line.strip()]
    return Content(items, len(items))


def read_tail(path: Path) -> Content:
    """Read the last bytes of enwik8 or text8 as one document."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - TAIL_BYTES))
        return Content([tail(file.read())], size)


def record_reader(convert: Callable[[Fields], Any], **fields: type) -> Callable[[Path], Content]:
    """Return a reader of files of records.

    Args:
        convert: Turns a record into an item.
        **fields: Types of the fields that each record has; texts and lists are not empty.
    """

    def read(path: Path) -> Content:
        items = []
        for record in read_records(path):
            for name, expected in fields.items():
                value = record.fields.get(name)
                if not isinstance(value, expected) or isinstance(value, bool) or value in ("", []):
                    raise ValueError(
                        f"{record.where}: no {name} of type {expected.__name__}; expected a record with "
                        f"{', '.join(fields)}"
                    )
            try:
                items.append(convert(record.fields))
            except ValueError as error:
                raise ValueError(f"{record.where}: {error}") from None
        return Content(items, len(items))

    return read


_TWO_LINES = r"(?s)\A(?=.* )[^\x00\n]*\n[^\x00\n]*\n[^\x00]*\Z"
_PARQUET = r"\APAR1"
_FIRST_TITLE = r"(?s:.*?)^ *= [^=\n]+ = *$"

FORMATS: Final[Mapping[str, FileFormat]] = MappingProxyType(
    {
        "arc": FileFormat(rf'(?s){_PARQUET}|\A\s*\{{(?=.*"answerKey")', record_reader(arc, answerKey=str)),
        "blimp": FileFormat(
            r'(?s)\A\s*\{(?=.*"sentence_good")',
            record_reader(blimp, sentence_good=str, sentence_bad=str, linguistics_term=str),
        ),
        "cbt": FileFormat(r"(?m)\A1 .*\n2 (?s:.*?)^21 .*XXXXX.*\t", read_cbt),
        "cnn_dm": FileFormat(
            r"(?i)\A(?=.*\barticle\b)(?=.*\bhighlights\b)",
            record_reader(summary, article=str, highlights=str),
        ),
        "coqa": FileFormat(r'(?s)\A\s*\{.*"data"', read_coqa),
        "dprd": FileFormat(
            r"\A.*\n.*\n\s*([^,\n]+?)\s*,\s*([^,\n]+?)\s*\n\s*(?:\1|\2)\s*(?:\n|\Z)", read_dprd
        ),
        "enwik8": FileFormat(r"\A<mediawiki", read_tail),
        "hellaswag": FileFormat(
            rf'(?s){_PARQUET}|\A\s*\{{(?=.*"endings")',
            record_reader(hellaswag, activity_label=str, endings=list),
        ),
        "lambada": FileFormat(r'(?s)\A\s*\{.*"text"', record_reader(last_word, text=str)),
        "lambada_original": FileFormat(r"(?s)\A(?!\s*[{\[])(?=.* )(?=.*\n)[^A-Z]*\Z", read_plain_lambada),
        "lines": FileFormat(_TWO_LINES, read_lines),
        "nq_open": FileFormat(
            r'(?s)\A\s*\{(?=.*"question")(?=.*"answer")',
            record_reader(question, question=str, answer=list),
        ),
        "pairs_en_fr": FileFormat(_TWO_LINES, read_pairs("en", "fr")),
        "pairs_fr_en": FileFormat(_TWO_LINES, read_pairs("fr", "en")),
        "piqa": FileFormat(
            rf'(?s){_PARQUET}|\A\s*\{{(?=.*"goal")(?=.*"label")',
            record_reader(piqa, goal=str, sol1=str, sol2=str),
        ),
        "ptb": FileFormat(r"(?s)\A(?=.* <unk> )(?=.* N )[^A-MO-Z]*\Z", read_lines),
        "text8": FileFormat(r"\A[a-z ]+\Z", read_tail),
        "wikitext": FileFormat(rf"(?m)\A(?=(?s:.*) , )(?=(?s:.*)<unk>){_FIRST_TITLE}", read_wikitext),
        "wikitext_raw": FileFormat(rf"(?m)\A(?=(?s:.*) , )(?!(?s:.*)<unk>){_FIRST_TITLE}", read_wikitext),
        "winogrande": FileFormat(
            rf'(?s){_PARQUET}|\A\s*\{{(?=.*"option1")',
            record_reader(winogrande, sentence=str, option1=str, option2=str),
        ),
        "wsc273": FileFormat(
            r'(?s)\A\s*\{(?=.*"context_options")(?=.*"gold")',
            record_reader(replaced_schema, context_options=list, continuation=str, gold=int),
        ),
        "wsc_xml": FileFormat(r"<schema>", read_schemas_xml),
    }
)
"""Formats of files by their name in ``benchmarks.yaml``."""
