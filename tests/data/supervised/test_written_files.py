"""Small files as users' programs write them, read by the toolkit and independently by pandas."""

import csv
import gzip
import json
import random
from collections import Counter
from decimal import Decimal, InvalidOperation
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest

from gpt_toolkit.data.supervised import open_dataset

TEXT_NAMES = ("text", "Text", " sentence ", "REVIEW", "content", "Tweet", "review")
LABEL_NAMES = ("label", "Label", "labels ", "target", "CLASS", "category", "sentiment", "score")
LABELS: tuple[tuple[Any, ...], ...] = (
    *(
        ("pos", "neg"),
        ("a b", "c,d", 'e"f'),
        ("None", "some"),
        ("NA", "EU", "US"),
        ("ja", "né", "да"),
        ("x;y", "z"),
    ),
    *(
        (0, 1),
        (1, 2, 3),
        (-1, 0, 1),
        (10, 9, 100),
        (0.0, 1.0),
        (True, False),
        ("True", "False"),
        ("TRUE", "FALSE"),
    ),
    *(("1.0", "2.0"), ("+1", "-1"), ("yes", "no"), ("01", "02"), ("-", "+"), ("null", "nan", "none")),
)
WORDS = (
    *(
        "good",
        "bad",
        "100",
        "nan",
        "None",
        "null",
        "a,b",
        "c;d",
        "e\tf",
        '"so"',
        "it's",
        "2,5",
        "\n",
        "né",
        "日本",
        "|",
    ),
    *("-1", "true", "NA", "#1", "http://a.b", "x=1", "{y}", "[z]", "\\n", "'", '"', "sep=;", "😀", "\u2028"),
)


class Written(NamedTuple):
    """A file, its text and label columns, and how pandas reads it."""

    path: Path
    text: str
    label: str
    table: pd.DataFrame


def some_text(draw: random.Random) -> str:
    return " ".join(draw.choices(WORDS, k=draw.randint(1, 8))).strip() or "x"


def spellings(label: Any) -> list[Any]:
    """Return texts that mean a label."""
    if isinstance(label, bool):
        return [str(label), str(label).lower(), str(label).upper()]
    if isinstance(label, int) and label >= 0:
        return [f"{label}", f"{label}.0", f"+{label}", f" {label}.00 ", f"{label:.6e}"]
    return [label]


def some_table(draw: random.Random) -> tuple[pd.DataFrame, str, str]:
    """Draw a table of texts, labels and other columns in any order."""
    n = draw.randint(6, 30)
    text, label, kinds = draw.choice(TEXT_NAMES), draw.choice(LABEL_NAMES), draw.choice(LABELS)
    labels = [*kinds, *draw.choices(kinds, k=n - len(kinds))]
    draw.shuffle(labels)
    if draw.random() < 0.3:
        labels = [draw.choice(spellings(value)) for value in labels]
    columns: dict[str, list[Any]] = {text: [some_text(draw) for _ in range(n)], label: labels}
    others: dict[str, list[Any]] = {
        "id": list(range(n)),
        "date": [f"2020-01-{draw.randint(1, 28)}" for _ in range(n)],
        "author": [draw.choice(("kim", "lee", "")) for _ in range(n)],
        "note": [draw.choice(("checked by hand", "not yet", None)) for _ in range(n)],
        "label_text": [f"the class {value}" for value in labels],
        "length": [draw.random() for _ in range(n)],
    }
    for name in draw.sample(sorted(others), k=draw.randint(0, 3)):
        columns[name] = others[name]
    names = list(columns)
    draw.shuffle(names)
    if draw.random() < 0.1:
        columns[draw.choice((text, label))][draw.randrange(n)] = None
    return pd.DataFrame({name: pd.Series(columns[name], dtype=object) for name in names}), text, label


def as_typed(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with pandas' types of its columns."""
    return table.apply(lambda column: column.infer_objects())


def write_delimited(draw: random.Random, folder: Path, table: pd.DataFrame) -> tuple[Path, pd.DataFrame]:
    name = draw.choice(("a.csv", "a.tsv", "a.txt", "a.csv.gz"))
    delimiter = "\t" if name == "a.tsv" else draw.choice(",;\t")
    end = draw.choice(("\n", "\r\n", "\r"))
    has_breaks = "\n" in "".join(map(str, table.to_numpy().ravel()))
    must_quote = end == "\r" and has_breaks  # pandas quotes the line end alone
    quoting = csv.QUOTE_ALL if must_quote else draw.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
    buffer = StringIO()
    has_index = draw.random() < 0.3
    table.to_csv(buffer, index=has_index, sep=delimiter, quoting=quoting, lineterminator=end)
    content, n_delimiters = buffer.getvalue(), table.shape[1] + has_index - 1
    if draw.random() < 0.2 and not has_breaks:  # empty columns, as spreadsheets write them
        content, n_delimiters = content.replace(end, f"{delimiter}{delimiter}{end}"), n_delimiters + 2
    if draw.random() < 0.3:  # lines without values
        content += draw.choice((end, end * 3, delimiter * n_delimiters + end))
    expected = pd.read_csv(
        StringIO(content, newline=""),
        sep=delimiter,
        dtype=str,
        keep_default_na=False,
        lineterminator="\r" if end == "\r" else None,
    )
    if draw.random() < 0.2 and quoting == csv.QUOTE_MINIMAL:
        content = f"sep={delimiter}{end}{content}"
    path, encoded = folder / name, content.encode(draw.choice(("utf-8", "utf-8-sig", "utf-16")))
    path.write_bytes(gzip.compress(encoded) if name.endswith(".gz") else encoded)
    return path, expected


def write_file(seed: int, folder: Path) -> Written:
    draw = random.Random(seed)
    table, text, label = some_table(draw)
    form = draw.choice(("delimited", "delimited", "delimited", "json", "columns", "lines", "parquet"))
    typed = as_typed(table)
    if form == "delimited":
        path, expected = write_delimited(draw, folder, typed)
    elif form == "parquet":
        path = folder / "a.parquet"
        if typed[label].map(type).nunique() > 1:
            typed[label] = typed[label].map(lambda value: None if pd.isna(value) else str(value))
        typed.to_parquet(path, index=draw.random() < 0.3)
        expected = pd.read_parquet(path)
    else:
        path = folder / ("a.jsonl" if form == "lines" else "a.json")
        orient = "columns" if form == "columns" else "records"
        content = typed.to_json(orient=orient, lines=form == "lines", force_ascii=draw.random() < 0.5)
        path.write_text(content, encoding=draw.choice(("utf-8", "utf-8-sig", "utf-16")), newline="\n")
        expected = (
            pd.DataFrame(json.loads(content))
            if form != "lines"
            else pd.read_json(BytesIO(content.encode()), lines=True, dtype=False)
        )
    expected.columns = [str(name).strip() for name in expected.columns]
    return Written(path, text.strip(), label.strip(), expected.astype(object))


def spelled(value: Any) -> str | None:
    """Return the label that a user means, by decimal arithmetic; None if it is missing."""
    if pd.isna(value) or str(value).strip() == "":
        return None
    word = str(value).strip()
    if word.lower() in ("true", "false"):
        return word.lower()
    try:
        number = Decimal(word)
    except InvalidOperation:
        return word
    is_code = len(word.lstrip("+-")) > 1 and word.lstrip("+-")[0] == "0" and "." not in word
    if is_code or not number.is_finite() or number != number.to_integral_value():
        return word
    return str(int(number))


def check(seed: int, folder: Path) -> None:
    path, text, label, table = write_file(seed, folder)
    rows = [row for _, row in table.iterrows()]
    if path.suffix not in (".json", ".jsonl", ".parquet"):  # a line without any value is none
        rows = [row for row in rows if any(str(value).strip() for value in row)]
    labels = [spelled(row[label]) for row in rows]
    texts = ["" if pd.isna(row[text]) else str(row[text]) for row in rows]
    texts = [value.replace("\r\n", "\n").replace("\r", "\n").strip() for value in texts]
    if None in labels or "" in texts:
        with pytest.raises(ValueError, match=r"a\.\w+.*, (line|record) \d+.*(no label|the text is empty)"):
            list(open_dataset({"val": str(path)}).examples("val"))
        return
    opened = open_dataset({"val": str(path)})
    examples = list(opened.examples("val"))
    names = opened.spec.labels
    assert [example.texts for example in examples] == [(value,) for value in texts]
    assert [names[int(example.target or 0)] for example in examples] == labels
    counts = Counter(labels)
    assert set(names) == set(counts)
    majority = max(names, key=lambda name: (counts[name], name))
    n_right = sum(names[int(example.target or 0)] == majority for example in examples)
    assert n_right / len(examples) == pytest.approx(max(counts.values()) / len(rows))


def test_a_file_means_what_pandas_reads(tmp_path: Path) -> None:
    for seed in range(150):
        check(seed, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(150, 5_150, 250))
def test_thousands_of_files_mean_what_pandas_reads(first: int, tmp_path: Path) -> None:
    for seed in range(first, first + 250):
        check(seed, tmp_path)
