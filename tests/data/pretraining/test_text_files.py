import gzip
import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from gpt_toolkit.data.file_memo import FileMemo
from gpt_toolkit.data.pretraining import plain_text
from gpt_toolkit.data.pretraining.text_files import FileCorpus, divide, find_files
from gpt_toolkit.data.splits import Split

Write = Callable[[str, str | bytes], Path]


@pytest.fixture
def memo(cache: Path) -> FileMemo:
    return FileMemo(cache / "files")


def corpus(
    memo: FileMemo,
    *files: Path | str,
    val: tuple[Path, ...] = (),
    fraction: float = 0.0,
    limit: int | None = None,
    field: str = "text",
    separator: str | None = None,
) -> FileCorpus:
    divided = divide([str(file) for file in files], [str(file) for file in val], [], memo)
    return FileCorpus(divided, fraction, field, separator, limit, memo)


def texts(of: FileCorpus) -> dict[Split, list[str]]:
    """Return the documents by split."""
    result: dict[Split, list[str]] = defaultdict(list)
    for chunk in of.chunks():
        if chunk.starts_document:
            result[chunk.split].append("")
        result[chunk.split][-1] += chunk.text
    return dict(result)


def test_a_folder_is_read_with_its_folders_in_the_order_of_names(
    write: Write, tmp_path: Path, memo: FileMemo
) -> None:
    for name in ("c/b.txt", "c/a/z.txt", "c/a.txt", "c/c.txt"):
        write(name, name)
    for name in ("c/notes.md", "c/.hidden/a.txt", "c/._a.txt"):
        write(name, "not text for training")
    assert texts(corpus(memo, tmp_path / "c"))["train"] == ["c/a/z.txt", "c/a.txt", "c/b.txt", "c/c.txt"]


def test_a_glob_may_name_files_and_folders_and_no_file_is_read_twice(
    write: Write, tmp_path: Path, memo: FileMemo
) -> None:
    for name in ("c/b.txt", "c/a/z.txt", "c/a/y.txt"):
        write(name, name)
    assert texts(corpus(memo, f"{tmp_path}/c/*", f"{tmp_path}/c/**/y*"))["train"] == [
        "c/a/y.txt",
        "c/a/z.txt",
        "c/b.txt",
    ]


@pytest.mark.parametrize(
    "layout", ["{}/a.txt", "data/{}-00000-of-00001.txt", "{}.txt", "wiki.{}.txt", "{}-00000-of-00001.txt"]
)
@pytest.mark.parametrize("pattern", ["c", "c/*"])
def test_names_divide_a_folder_or_a_glob(
    layout: str, pattern: str, write: Write, tmp_path: Path, memo: FileMemo
) -> None:
    for name in ("train", "valid", "test"):
        write("c/" + layout.format(name), name)
    found = texts(corpus(memo, f"{tmp_path}/{pattern}", fraction=0.5))
    assert found == {"train": ["train"], "val": ["valid"], "test": ["test"]}


def test_files_without_the_name_of_a_split_are_for_training(
    write: Write, tmp_path: Path, memo: FileMemo
) -> None:
    for name in ("a", "b", "test"):
        write(f"c/{name}.txt", name)
    assert texts(corpus(memo, tmp_path / "c")) == {"train": ["a", "b"], "test": ["test"]}


def test_a_single_file_is_training_text_whatever_it_is_called(write: Write, memo: FileMemo) -> None:
    assert texts(corpus(memo, write("test.txt", "abc"))) == {"train": ["abc"]}


def test_files_given_for_validation_are_never_trained_on(
    write: Write, tmp_path: Path, memo: FileMemo
) -> None:
    a, b = write("c/a.txt", "a"), write("c/b.txt", "b")
    assert texts(corpus(memo, tmp_path / "c", val=(b,), fraction=0.5)) == {"train": ["a"], "val": ["b"]}
    with pytest.raises(ValueError, match="files: all are also val_files or test_files; expected at least"):
        corpus(memo, a, val=(a,))


def test_a_copy_in_two_splits_is_refused(write: Write, memo: FileMemo) -> None:
    with pytest.raises(ValueError, match=r"a\.txt \(train\), .*b\.txt \(val\): the same text; expected"):
        corpus(memo, write("a.txt", "same"), val=(write("b.txt", "same"),))


def test_the_end_of_a_plain_text_file_is_held_out(write: Write, memo: FileMemo) -> None:
    text = "".join(f"{i:03d} " for i in range(250))  # 1,000 bytes, cut after 900
    found = texts(corpus(memo, write("a.txt", text), fraction=0.1))
    assert found == {"train": [text[:900]], "val": [text[900:]]}


def test_the_cut_moves_to_the_next_character(write: Write, memo: FileMemo) -> None:
    found = texts(corpus(memo, write("a.txt", "€" * 9), fraction=0.5))  # 27 bytes, cut at 13
    assert found == {"train": ["€" * 5], "val": ["€" * 4]}


def test_the_cut_of_a_packed_file_is_that_of_the_plain_one(write: Write, memo: FileMemo) -> None:
    text = "one two three four " * 30
    plain = texts(corpus(memo, write("a.txt", text), fraction=0.2))
    assert texts(corpus(memo, write("b.txt.gz", gzip.compress(text.encode())), fraction=0.2)) == plain


def test_every_nth_record_is_held_out_across_files(write: Write, memo: FileMemo) -> None:
    first = write("a.jsonl", "".join(json.dumps({"body": str(i)}) + "\n" for i in range(7)))
    second = write("b.jsonl", "".join(json.dumps({"body": str(i)}) + "\n" for i in range(7, 12)))
    found = texts(corpus(memo, first, second, fraction=0.25, field="body"))
    assert found["val"] == ["3", "7", "11"]
    assert len(found["train"]) == 9


def test_a_limit_caps_the_documents_of_each_part(write: Write, memo: FileMemo) -> None:
    records = write("a.jsonl", "".join(json.dumps({"text": str(i)}) + "\n" for i in range(7)))
    val = write("v.jsonl", "".join(json.dumps({"text": f"v{i}"}) + "\n" for i in range(7)))
    found = texts(corpus(memo, records, val=(val,), limit=3))
    assert found == {"train": ["0", "1", "2"], "val": ["v0", "v1", "v2"]}
    plain = [write(f"{name}.txt", name) for name in "xyz"]
    assert texts(corpus(memo, *plain, limit=2)) == {"train": ["x", "y"]}


@pytest.mark.parametrize("limit", [None, 4])
@pytest.mark.parametrize("fraction", [0.0, 0.34])
def test_reading_resumes_exactly_after_any_chunk(
    limit: int | None, fraction: float, write: Write, memo: FileMemo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain_text, "BLOCK_BYTES", 16)
    files = [
        write("a.txt", "some words for the first file of all"),
        write("b.jsonl", '{"text": "one"}\n{"text": ""}\n{"text": "two"}\n'),
        write("c.txt", ""),
        write("d.txt.gz", gzip.compress(b"and some more words for the last one")),
    ]
    of = corpus(memo, *files, fraction=fraction, limit=limit)
    chunks = list(of.chunks())
    assert len(chunks) >= 5
    for i, chunk in enumerate(chunks):
        assert list(of.chunks(json.loads(json.dumps(chunk.position)))) == chunks[i + 1 :]
    fractions = [chunk.fraction or 0.0 for chunk in chunks]
    assert fractions == sorted(fractions)
    assert fractions[-1] <= 1.0


def test_the_identity_follows_content_and_rule_but_not_place(write: Write, memo: FileMemo) -> None:
    first = corpus(memo, write("a.txt", "abc"), fraction=0.1).identity()
    assert corpus(memo, write("elsewhere/b.txt", "abc"), fraction=0.1).identity() == first
    assert corpus(memo, write("c.txt", "abd"), fraction=0.1).identity() != first
    assert corpus(memo, write("a.txt", "abc"), fraction=0.2).identity() != first
    assert json.loads(json.dumps(first)) == first


@pytest.mark.parametrize(
    ("pattern", "error", "message"),
    [
        ("nowhere.txt", FileNotFoundError, r"files: '.*nowhere\.txt' not found in .*; expected a file or"),
        ("*.jsonl", FileNotFoundError, r"files: '.*\*\.jsonl' matches nothing in .*; expected at least"),
        ("empty", FileNotFoundError, "files: no file in .*; expected some ending in"),
        ("a.docx", ValueError, r"files: unknown format of .*a\.docx; expected"),
    ],
)
def test_what_cannot_be_found_or_read_is_named(
    pattern: str, error: type[Exception], message: str, write: Write, tmp_path: Path
) -> None:
    write("a.docx", "x")
    (tmp_path / "empty").mkdir()
    with pytest.raises(error, match=message):
        find_files([f"{tmp_path}/{pattern}"], "files")


STORIES = (
    "One day\nTim ran.\n<|endoftext|>\n" + "Ann sat.<|endoftext|>\n\nA cat\n\n<|endoftext|>" + "The end\n"
)
FOUR = ["One day\nTim ran.", "Ann sat.", "A cat", "The end"]


def test_a_separator_divides_text_files_and_records_alike(write: Write, memo: FileMemo) -> None:
    files = [
        write("a.txt", STORIES),
        write("b.txt.gz", gzip.compress(STORIES.encode())),
        write("c.jsonl", json.dumps({"text": STORIES}) + '\n{"text": "alone"}\n{"text": "<|endoftext|>"}\n'),
    ]
    found = texts(corpus(memo, *files, separator="<|endoftext|>"))
    assert found == {"train": [*FOUR, *FOUR, *FOUR, "alone"]}
    assert texts(corpus(memo, files[0])) == {"train": [STORIES]}


def test_with_a_separator_every_nth_document_is_held_out_and_a_limit_counts_them(
    write: Write, memo: FileMemo
) -> None:
    path = write("a.txt", "\n--\n".join(map(str, range(20))))
    found = texts(corpus(memo, path, fraction=0.25, separator="--"))
    assert found["val"] == ["3", "7", "11", "15", "19"]
    assert texts(corpus(memo, path, separator="--", limit=3)) == {"train": ["0", "1", "2"]}


@pytest.mark.parametrize("limit", [None, 4])
@pytest.mark.parametrize("fraction", [0.0, 0.34])
def test_separated_documents_resume_exactly_after_any_chunk(
    limit: int | None, fraction: float, write: Write, memo: FileMemo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain_text, "BLOCK_BYTES", 20)
    files = [
        write("a.txt", "a document of some words in more than one block--second--"),
        write("b.jsonl", '{"text": "one--two"}\n{"text": ""}\n{"text": "three"}\n'),
        write("c.txt", ""),
    ]
    of = corpus(memo, *files, fraction=fraction, limit=limit, separator="--")
    chunks = list(of.chunks())
    assert len(chunks) >= 4 + (limit is None)
    assert sum(not chunk.starts_document for chunk in chunks) >= 2
    for i, chunk in enumerate(chunks):
        assert list(of.chunks(json.loads(json.dumps(chunk.position)))) == chunks[i + 1 :]


def test_a_separator_is_part_of_the_identity(write: Write, memo: FileMemo) -> None:
    path = write("a.txt", "abc")
    assert corpus(memo, path).identity() != corpus(memo, path, separator="b").identity()


def test_names_with_any_characters_are_files(write: Write, memo: FileMemo, tmp_path: Path) -> None:
    names = [
        "[1].txt",
        "a*b.txt",
        "what?.txt",
        "Chapter 1: The Start.txt",
        "#x {y}.txt",
        "größe 語.txt",
        "-x.txt",
    ]
    for name in names:
        path = write(name, f"text of {name}")
        assert texts(corpus(memo, path)) == {"train": [f"text of {name}"]}
        assert list(find_files([str(path)], "files")) == [path]
    assert len(find_files([str(tmp_path)], "files")) == len(names)
    assert len(find_files([f"{tmp_path}/*.txt"], "files")) == len(names)


def test_the_name_of_a_folder_before_a_glob_is_no_pattern(write: Write, tmp_path: Path) -> None:
    paths = [write(f"data [v2]/{name}", "text") for name in ("a.txt", "b/c.txt")]
    assert list(find_files([f"{tmp_path}/data [v2]/*.txt"], "files")) == paths[:1]
    assert list(find_files([f"{tmp_path}/data [v2]/**/*.txt"], "files")) == paths


def test_a_link_to_a_file_or_folder_is_read_once(write: Write, tmp_path: Path) -> None:
    path = write("folder/a.txt", "text")
    (tmp_path / "link.txt").symlink_to(path)
    (tmp_path / "linked").symlink_to(path.parent, target_is_directory=True)
    assert list(find_files([str(tmp_path / "linked"), str(path), f"{tmp_path}/*.txt"], "files")) == [
        tmp_path / "linked" / "a.txt"
    ]
    (tmp_path / "broken.txt").symlink_to(tmp_path / "nowhere")
    with pytest.raises(
        FileNotFoundError, match=r"files: '.*broken\.txt' not found in .*; expected a file or"
    ):
        find_files([str(tmp_path / "broken.txt")], "files")
