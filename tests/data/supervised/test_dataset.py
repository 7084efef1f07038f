"""Invalid records in published formats: errors, and records that are skipped."""

import gzip
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from gpt_toolkit.data.supervised import Example, open_dataset
from gpt_toolkit.data.supervised.dataset import (
    STORY_CLOZE,
    TENTH_BY_DOCUMENT,
    TENTH_BY_TEXTS,
    Source,
    SourceExample,
    divide,
    story_cloze_rows,
)
from gpt_toolkit.records import OnBadRecord, raise_error

Write = Callable[[str, str | bytes], Path]

PASSAGE = {
    "article": "Jim went home. He slept.",
    "questions": ["Who went home?", "Jim _ ."],
    "options": [["Tom", "Jim", "Ann", "Eve"], ["slept", "ran", "ate", ""]],
    "answers": ["B", "A"],
}
STORY_HEADER = (
    "InputStoryid,InputSentence1,InputSentence2,InputSentence3,InputSentence4,RandomFifthSentenceQuiz1,"
    "RandomFifthSentenceQuiz2,AnswerRightEnding\n"
)
QQP = "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n"


def test_rows_that_are_broken_in_the_published_qqp_are_left_out_and_counted(
    write: Write, tmp_path: Path
) -> None:
    broken = '7\t8\t9\t"Was he real?\n"\tWhat is the evidence?\t0\n'
    empty = "1\t2\t3\t\tWhy?\t0\n"
    path = write("QQP/dev.tsv", f"{QQP}133273\t213221\t213222\tHow is it?\tHow was it?\t1\n{broken}{empty}")
    opened = open_dataset("qqp", tmp_path)
    assert list(opened.examples("val")) == [Example(("How is it?", "How was it?"), 1, 0)]
    assert opened.notes("val")[:2] == [
        f"val: skipped 2 records with missing or surplus fields, the first at {path}, line 3",
        f"val: skipped 1 record with an empty text, the first at {path}, line 5",
    ]


def test_rows_of_a_test_without_labels_all_stay(write: Write, tmp_path: Path) -> None:
    write("QQP/test.tsv", "id\tquestion1\tquestion2\n0\tA?\tB?\n1\t\tC?\n")
    assert list(open_dataset("qqp", tmp_path).examples("test")) == [
        Example(("A?", "B?"), None, 0),
        Example(("", "C?"), None, 1),
    ]


@pytest.mark.parametrize(
    ("name", "file", "content", "message"),
    [
        (
            "rte",
            "rte/dev.tsv",
            "index\tsentence1\tsentence2\tlabel\n0\tA.\tB.\tmaybe\n",
            r"dev\.tsv, line 2: label 'maybe'; expected entailment, not_entailment; ",
        ),
        (
            "rte",
            "rte/dev.tsv",
            "index\tsentence1\tsentence2\tlabel\n0\tA.\t \tentailment\n",
            r"dev\.tsv, line 2: text 2 is empty; expected text",
        ),
        (
            "rte",
            "rte/dev.tsv",
            "index\tsentence1\tsentence2\n0\tA.\tB.\n",
            r"dev\.tsv, line 2: no label; expected entailment, not_entailment; only test files may lack",
        ),
        (
            "rte",
            "rte/dev.tsv",
            "index\tsentence1\tsentence2\tlabel\n0\tA.\tB.\tb\tentailment\n",
            r"dev\.tsv, line 2: 5 fields, .*; expected 4: index, sentence1, sentence2, label; .*inside a",
        ),
        (
            "rte",
            "rte/dev.tsv",
            "index\tsentence1\ttext\tlabel\n0\tA.\tB.\tentailment\n",
            r"dev\.tsv: columns 'index, sentence1, text, label'; expected GLUE's schema: columns sentence1, "
            r"sentence2, label;",
        ),
        (
            "rte",
            "rte/dev.tsv",
            b"index\tsentence1\tsentence2\tlabel\n0\tcaf\xe9\tB.\tentailment\n",
            r"dev\.tsv: byte 0xe9 at line 2; expected UTF-8 text; convert",
        ),
        ("rte", "rte/dev.tsv", "", r"dev\.tsv: empty; expected records"),
        (
            "rte",
            "rte/dev.tsv.gz",
            gzip.compress(b"index\tsentence1\tsentence2\tlabel\n" + b"0\tA.\tB.\tentailment\n" * 99, mtime=0)[
                :-9
            ],
            r"dev\.tsv\.gz: Compressed file ended before the end-of-stream",
        ),
        (
            "rte",
            "rte/dev.jsonl",
            '{"premise": "A.", "hypothesis": "B.", "label": 0}\n[1]\n',
            r"dev\.jsonl, line 2: list '\[1\]'; expected an object",
        ),
        (
            "rte",
            "rte/dev.jsonl",
            '{"premise": "A.", "hypothesis": "B.", "label": 0}\n{"premise"\n',
            r"dev\.jsonl, line 2: Expecting ':' delimiter at column 1;",
        ),
        (
            "rte",
            "rte/dev.jsonl",
            '{"premise": "A.", "hypothesis": {"en": "B."}, "label": 0}\n',
            r"dev\.jsonl, line 1: field 'hypothesis' is dict .*; expected text",
        ),
        (
            "stsb",
            "stsb/sts-dev.csv",
            "a\tb\tc\t0\t5.1\tA.\tB.\n",
            r"sts-dev\.csv, line 1: label '5\.1'; expected a number from 0 to 5",
        ),
        (
            "stsb",
            "stsb/sts-dev.csv",
            "a\tb\tc\t0\t5\tA.\tB.\na\tb\tc\t0\tnan\tA.\tB.\n",
            r"line 2: label 'nan'",
        ),
        (
            "sst2",
            "sst2/dev.tsv",
            "fine\t1\nlabel\tsentence\n",
            r"dev\.tsv, line 2: label 'sentence'.*is a header",
        ),
        (
            "race",
            "race/test/high/1.txt",
            json.dumps({**PASSAGE, "answers": ["A"]}),
            r"1\.txt, record 1: questions, options and answers of different",
        ),
        (
            "race",
            "race/test/high/1.txt",
            json.dumps({**PASSAGE, "options": [["a", "b", "c"]] * 2}),
            r"1\.txt, record 1, question 1: 3 answers; expected 4, as in every",
        ),
        (
            "story_cloze",
            "story_cloze/cloze_test_val__spring2016.csv",
            STORY_HEADER + 'id,"Rick,b,c,d,e,f,1\n',
            r"cloze_test_val__spring2016\.csv, line 2: broken record",
        ),
        (
            "nq_open",
            "nq_open/NQ-open.dev.jsonl",
            '{"question": "who?", "answer": []}\n',
            r"line 1: the answer is empty",
        ),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_its_line(
    write: Write, tmp_path: Path, name: str, file: str, content: str | bytes, message: str
) -> None:
    write(file, content)
    with pytest.raises(ValueError, match=message):
        read_all(name, tmp_path)


def read_all(name: str, root: Path) -> None:
    opened = open_dataset(name, root)
    for split in opened.splits:
        list(opened.examples(split))


def test_an_unknown_split_is_refused(write: Write, tmp_path: Path) -> None:
    write("qnli/dev.tsv", "index\tquestion\tsentence\tlabel\n0\tA?\tB.\tentailment\n")
    opened = open_dataset("qnli", tmp_path)
    assert opened.splits == ("val",)
    with pytest.raises(ValueError, match=r"qnli in .*qnli: no split 'train'; expected one of val"):
        next(opened.examples("train"))


def test_identity_follows_content_and_not_place(write: Write, tmp_path: Path) -> None:
    content = "index\tsentence1\tsentence2\tlabel\n0\tA.\tB.\tentailment\n"
    for folder in ("a", "b"):
        write(f"{folder}/rte/dev.tsv", content)
    a, b = (open_dataset("rte", tmp_path / folder).identity("val") for folder in ("a", "b"))
    assert a == b
    write("b/rte/dev.tsv", content.replace("B.", "C."))
    assert open_dataset("rte", tmp_path / "b").identity("val") != a
    write("a/rte/test.tsv", content)
    assert open_dataset("rte", tmp_path / "a").identity("test") != a


@dataclass(frozen=True)
class Examples:
    """A source of examples in memory."""

    all: Sequence[SourceExample]
    title: str = "examples"

    def identity(self) -> object:
        return [list(example.texts) for example in self.all]

    def examples(self, on_bad_record: OnBadRecord) -> Iterator[SourceExample]:
        return iter(self.all)


def examples(n: int) -> list[SourceExample]:
    return [SourceExample((f"document {i // 4}", f"question {i}"), 0) for i in range(n)]


def texts(source: Source) -> list[tuple[str, ...]]:
    return [example.texts for example in source.examples(raise_error)]


def test_about_a_tenth_is_held_out_whatever_the_order() -> None:
    found = examples(2_000)
    divided = divide(Examples(found), TENTH_BY_TEXTS)
    train, val = texts(divided["train"]), texts(divided["val"])
    assert 160 < len(val) < 240
    assert sorted(train + val) == sorted(example.texts for example in found)
    turned = divide(Examples(found[::-1]), TENTH_BY_TEXTS)
    assert texts(turned["val"]) == val[::-1]


def test_examples_with_the_same_first_text_stay_together() -> None:
    divided = divide(Examples(examples(2_000)), TENTH_BY_DOCUMENT)
    train, val = ({first for first, _ in texts(divided[split])} for split in ("train", "val"))
    assert val
    assert not train & val


def test_both_subsets_and_all_rules_have_their_own_identity() -> None:
    divided = [
        divide(Examples(examples(9)), rule) for rule in (TENTH_BY_TEXTS, TENTH_BY_DOCUMENT, STORY_CLOZE)
    ]
    sources = [one[split] for one in divided for split in ("train", "val")]
    assert len({repr(source.identity()) for source in sources}) == 6


def test_the_released_codes_division_is_that_of_its_seed() -> None:
    # numpy.random.RandomState(3535999445).permutation(1871)[:374], as scikit-learn's ShuffleSplit takes it
    held_out = story_cloze_rows(1_871)
    assert held_out[:5] == [1058, 198, 1174, 806, 127]
    assert (len(held_out), len(set(held_out)), sum(held_out)) == (374, 374, 348_664)
    found = examples(1_871)
    divided = divide(Examples(found), STORY_CLOZE)
    assert texts(divided["val"]) == [one.texts for i, one in enumerate(found) if i in set(held_out)]
    assert len(texts(divided["train"])) == 1_497


@pytest.mark.parametrize("n", [1_571, 10, 5])
def test_other_releases_are_divided_in_the_same_ratio(n: int) -> None:
    assert len(story_cloze_rows(n)) == round(n / 5)
