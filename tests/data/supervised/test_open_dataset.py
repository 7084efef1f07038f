"""Published files that are not in the shared folder, made here in their exact formats."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gpt_toolkit.data.supervised import Example, open_dataset

Write = Callable[[str, str | bytes], Path]

SNLI_ROW = {
    "annotator_labels": ["neutral"],
    "captionID": "3416050480.jpg#4",
    "gold_label": "neutral",
    "pairID": "3416050480.jpg#4r1n",
    "sentence1": "A person on a horse jumps over a broken down airplane.",
    "sentence1_binary_parse": "( ( ( A person ) ... ) . )",
    "sentence1_parse": "(ROOT (S ...))",
    "sentence2": "A person is training his horse for a competition.",
    "sentence2_binary_parse": "( ... )",
    "sentence2_parse": "(ROOT ...)",
}
SENTENCES = ("sentence1", "sentence2")
SNLI_TEXTS = (str(SNLI_ROW["sentence1"]), str(SNLI_ROW["sentence2"]))
SNLI_COLUMNS = (
    "gold_label\tsentence1_binary_parse\tsentence2_binary_parse\tsentence1_parse\tsentence2_parse\tsentence1\t"
    "sentence2\tcaptionID\tpairID\tlabel1\tlabel2\tlabel3\tlabel4\tlabel5\n"
)
MNLI_HEADER = (
    "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse\tsentence1_parse\t"
    "sentence2_parse\tsentence1\tsentence2\t"
)


def read(name: str, root: Path, split: str) -> list[Example]:
    return list(open_dataset(name, root).examples(split))


def mnli_row(index: int, label: str) -> str:
    texts = 'The "new" rights are nice.\tRights.'
    return f"{index}\t63735\t63735n\tslate\t( )\t( )\t(ROOT)\t(ROOT)\t{texts}\t{label}\n"


@pytest.mark.parametrize(
    "name",
    ["snli/snli_1.0_dev.jsonl", "snli_1.0/snli_1.0_dev.jsonl", "dev.jsonl.gz", "SNLI/validation.jsonl"],
)
def test_snli_is_read_from_its_json_lines_wherever_they_lie(write: Write, tmp_path: Path, name: str) -> None:
    rows = [{**SNLI_ROW, "gold_label": label} for label in ("neutral", "entailment")]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    write(name, gzip.compress(text.encode()) if name.endswith(".gz") else text)
    assert read("snli", tmp_path, "val") == [Example(SNLI_TEXTS, 1, 0), Example(SNLI_TEXTS, 0, 1)]


def test_rows_without_a_gold_label_are_left_out_and_counted(write: Write, tmp_path: Path) -> None:
    rows = [{**SNLI_ROW, "gold_label": label} for label in ("-", "neutral", "-")]
    path = write("snli/snli_1.0_dev.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    opened = open_dataset("snli", tmp_path)
    assert [(row.target, row.number) for row in opened.examples("val")] == [(1, 0)]
    assert (
        opened.notes("val")[0] == f"val: skipped 2 records without a gold label, the first at {path}, line 1"
    )


def test_snli_is_read_from_its_tables_and_json_lines_win(write: Write, tmp_path: Path) -> None:
    fields = f"contradiction\t( )\t( )\t(R)\t(R)\t{SNLI_TEXTS[0]}\t{SNLI_TEXTS[1]}\tc\tp\tneutral\t\t\t\t\n"
    write("snli/snli_1.0_dev.txt", SNLI_COLUMNS + fields)
    assert [(row.texts, row.target) for row in read("snli", tmp_path, "val")] == [(SNLI_TEXTS, 2)]
    write("snli/snli_1.0_dev.jsonl", json.dumps(SNLI_ROW) + "\n")
    assert [row.target for row in read("snli", tmp_path, "val")] == [1]


def test_glues_snli_has_rows_with_four_more_labels_than_its_header(write: Write, tmp_path: Path) -> None:
    names = ["index", "captionID", "pairID", "b1", "b2", "p1", "p2", *SENTENCES, "label1", "gold_label"]
    start = "0\tc\tp\t( )\t( )\t(R)\t(R)\tA man.\tA person.\t"
    lines = [
        "\t".join(names),
        f"{start}neutral\tneutral",
        f"{start}neutral\tneutral\tneutral\tneutral\tneutral\tentailment",
    ]
    write("snli/dev.tsv", "\n".join(lines) + "\n")
    assert [(row.texts, row.target) for row in read("snli", tmp_path, "val")] == [
        (("A man.", "A person."), 1),
        (("A man.", "A person."), 0),
    ]


def test_mnli_has_two_parts_and_a_test_without_labels(write: Write, tmp_path: Path) -> None:
    header = f"{MNLI_HEADER}label1\tgold_label\n"
    write("MNLI/train.tsv", header + mnli_row(0, "neutral\tneutral"))
    write("MNLI/dev_matched.tsv", header + mnli_row(0, "neutral\tentailment") + mnli_row(1, "neutral\t-"))
    write("MNLI/dev_mismatched.tsv", header + mnli_row(0, "neutral\tcontradiction"))
    for part in ("matched", "mismatched"):
        write(
            f"MNLI/test_{part}.tsv", MNLI_HEADER.rstrip("\t") + "\n" + mnli_row(0, "").replace("\t\n", "\n")
        )
    texts = ('The "new" rights are nice.', "Rights.")
    assert read("mnli", tmp_path, "train") == [Example(texts, 1, 0)]
    assert read("mnli", tmp_path, "val") == [
        Example(texts, 0, 0, "matched"),
        Example(texts, 2, 1, "mismatched"),
    ]
    assert read("mnli", tmp_path, "test") == [
        Example(texts, None, 0, "matched"),
        Example(texts, None, 1, "mismatched"),
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (
            "scitail_1.0_dev.tsv",
            "Pluto rotates once.\tPluto rotates.\tentails\nIt is hot.\tIt is cold.\tneutral\n",
        ),
        (
            "dev.csv",
            "premise,hypothesis,label\nPluto rotates once.,Pluto rotates.,entails\n"
            '"It is hot.","It is cold.",neutral\n',
        ),
        (
            "scitail_1.0_dev.txt",
            '{"gold_label": "entailment", "sentence1": "Pluto rotates once.", '
            '"sentence2": "Pluto rotates."}\n{"gold_label": "neutral", "sentence1": "It is hot.", '
            '"sentence2": "It is cold."}\n',
        ),
    ],
)
def test_scitail_is_read_in_three_forms(write: Write, tmp_path: Path, name: str, content: str) -> None:
    write(f"scitail/{name}", content)
    assert read("scitail", tmp_path, "val") == [
        Example(("Pluto rotates once.", "Pluto rotates."), 0, 0),
        Example(("It is hot.", "It is cold."), 1, 1),
    ]


PASSAGE = {
    "article": "Jim went home. He slept.",
    "questions": ["Who went home?", "Jim _ ."],
    "options": [["Tom", "Jim", "Ann", "Eve"], ["slept", "ran", "ate", ""]],
    "answers": ["B", "A"],
    "id": "middle1.txt",
}


def test_a_passage_of_race_is_a_row_a_question(write: Write, tmp_path: Path) -> None:
    write("RACE/dev/middle/1.txt", json.dumps(PASSAGE))
    write("RACE/dev/high/7.txt", json.dumps(PASSAGE, indent=1).replace('"B"', '"D"') + "\n")
    middle, first = "middle", ("Jim went home. He slept.", "Who went home?", "Tom", "Jim", "Ann", "Eve")
    second = ("Jim went home. He slept.", "Jim _ .", "slept", "ran", "ate", "")
    rows = read("race", tmp_path, "val")
    assert rows[:2] == [Example(first, 1, 0, middle), Example(second, 0, 1, middle)]
    assert [(row.target, row.number, row.subset) for row in rows[2:]] == [(3, 2, "high"), (0, 3, "high")]


def test_many_passages_of_race_are_all_read(write: Write, tmp_path: Path) -> None:
    for number in range(70):
        write(f"race/test/high/{number}.txt", json.dumps({**PASSAGE, "article": f"Text {number}."}))
    opened = open_dataset("race", tmp_path)
    assert len({row.texts[0] for row in opened.examples("test")}) == 70
    before = opened.identity("test")
    write("race/test/high/69.txt", json.dumps({**PASSAGE, "article": "Text 070."}))
    assert open_dataset("race", tmp_path).identity("test") != before


def test_hub_files_of_race_say_their_part_in_the_example_id(tmp_path: Path) -> None:
    row = {
        "example_id": "high3.txt",
        "article": "A.",
        "answer": "C",
        "question": "B?",
        "options": list("wxyz"),
    }
    (tmp_path / "data").mkdir()
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "test-00000-of-00002.parquet")
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "test-00001-of-00002.parquet")
    assert read("race", tmp_path, "test") == [
        Example(("A.", "B?", "w", "x", "y", "z"), 2, number, "high") for number in range(2)
    ]


STORY_HEADER = (
    "InputStoryid,InputSentence1,InputSentence2,InputSentence3,InputSentence4,RandomFifthSentenceQuiz1,"
    "RandomFifthSentenceQuiz2"
)


def stories(n: int, answer: bool = True) -> str:
    rows = [
        f'id{i},Rick {i} grew up.,"He fought, a lot.",He was shot.,He lived.,He is happy.,He joined a gang.'
        + (f",{i % 2 + 1}" if answer else "")
        for i in range(n)
    ]
    return "\n".join([STORY_HEADER + (",AnswerRightEnding" if answer else ""), *rows]) + "\n"


VAL_2016 = "cloze_test_val__spring2016 - cloze_test_ALL_val.csv"


def test_story_cloze_is_divided_as_the_released_code_divides_it(write: Write, tmp_path: Path) -> None:
    write(f"story_cloze/{VAL_2016}", stories(1_871))
    write("story_cloze/cloze_test_test__spring2016 - cloze_test_ALL_test.csv", stories(1_871))
    write("story_cloze/cloze_test_val__winter2018-cloze_test_ALL_val - 1 - 1.csv", stories(1_571))
    opened = open_dataset("story_cloze", tmp_path)
    assert opened.splits == ("train", "val", "test")
    rows = {split: list(opened.examples(split)) for split in opened.splits}
    assert {split: len(found) for split, found in rows.items()} == {"train": 1_497, "val": 374, "test": 1_871}
    assert not {row.texts for row in rows["train"]} & {row.texts for row in rows["val"]}
    story = "Rick 0 grew up. He fought, a lot. He was shot. He lived."
    assert rows["test"][0] == Example((story, "", "He is happy.", "He joined a gang."), 0, 0)
    assert rows["test"][1].target == 1
    assert opened.notes("train") == [
        "train: 1,497 of 1,871 examples; the validation file is divided into training and validation as the "
        "released "
        "code does"
    ]


def test_the_2018_story_cloze_is_named_and_its_test_has_no_labels(write: Write, tmp_path: Path) -> None:
    write("story_cloze/cloze_test_val__winter2018-cloze_test_ALL_val - 1 - 1.csv", stories(1_571))
    write("story_cloze/cloze_test_test__winter2018-cloze_test_ALL_test - 1.csv", stories(1_571, answer=False))
    opened = open_dataset("story_cloze", tmp_path)
    assert {row.target for row in opened.examples("test")} == {None}
    for split in ("train", "test"):
        assert "the 2018 release" in opened.notes(split)[-1]
        assert "GPT-1 used that of 2016" in opened.notes(split)[-1]


@pytest.mark.parametrize(
    ("name", "file", "content", "row"),
    [
        (
            "cola",
            "CoLA/train.tsv",
            "gj04\t1\t\tI'm going.\ngj04\t0\t*\tI going.\n",
            Example(("I'm going.",), 1, 0, "in_domain"),
        ),
        (
            "cola",
            "CoLA/test.tsv",
            "index\tsentence\n0\tBill whistled.\n",
            Example(("Bill whistled.",), None, 0),
        ),
        ("rte", "RTE/test.tsv", "index\tsentence1\tsentence2\n0\tA.\tB.\n", Example(("A.", "B."), None, 0)),
        (
            "rte",
            "rte/val.jsonl",
            '{"premise": "A.", "hypothesis": "B.", "label": "not_entailment", "idx": 0}\n',
            Example(("A.", "B."), 1, 0),
        ),
        ("qnli", "QNLI/test.tsv", "index\tquestion\tsentence\n0\tA?\tB.\n", Example(("A?", "B."), None, 0)),
        (
            "mrpc",
            "MRPC/dev.tsv",
            'Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\r\n0\t1\t2\tHe said "no.\tNo.\r\n',
            Example(('He said "no.', "No."), 0, 0),
        ),
        (
            "mrpc",
            "MRPC/test.tsv",
            "index\t#1 ID\t#2 ID\t#1 String\t#2 String\n0\t1\t2\tA.\tB.\n",
            Example(("A.", "B."), None, 0),
        ),
        (
            "stsb",
            "STS-B/dev.tsv",
            "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore\n"
            "0\tmain-captions\tMSRvid\t2012test\t0000\tnone\tnone\tA man.\tA hat.\t4.750\n",
            Example(("A man.", "A hat."), 4.75, 0),
        ),
        ("qqp", "QQP/test.tsv", "id\tquestion1\tquestion2\n0\tA?\tB?\n", Example(("A?", "B?"), None, 0)),
        ("qqp", "qqp/dev.tsv", "1\tA ?\tB ?\t42\n", Example(("A ?", "B ?"), 1, 0)),
        (
            "sst2",
            "SST-2/test.tsv",
            "index\tsentence\n0\tuneasy mishmash\n",
            Example(("uneasy mishmash",), None, 0),
        ),
        (
            "snli",
            "snli/test.parquet",
            {"premise": "A.", "hypothesis": "B.", "label": 2},
            Example(("A.", "B."), 2, 0),
        ),
        (
            "stsb",
            "validation-00000-of-00001.parquet",
            {"sentence1": "A.", "sentence2": "B.", "label": 0.5, "idx": 0},
            Example(("A.", "B."), 0.5, 0),
        ),
        (
            "rte",
            "rte/test-00000-of-00001.parquet",
            {"sentence1": "A.", "sentence2": "B.", "label": -1, "idx": 0},
            Example(("A.", "B."), None, 0),
        ),
    ],
)
def test_glues_files_and_copies_of_the_hubs_are_read(
    write: Write, tmp_path: Path, name: str, file: str, content: str | dict[str, object], row: Example
) -> None:
    if isinstance(content, str):
        path = write(file, content)
    else:
        path = write(file, "")
        pq.write_table(pa.Table.from_pylist([content]), path)
    opened = open_dataset(name, tmp_path)
    split = next(split for split in opened.splits if split != "train" or "train" in file)
    rows = list(opened.examples(split))
    assert row in rows or (split == "train" and row._replace(number=0) in list(opened.examples("val")))


def test_two_files_that_could_be_one_split_are_refused(write: Write, tmp_path: Path) -> None:
    for name in ("train.tsv", "train_copy.tsv"):
        write(f"rte/{name}", "index\tsentence1\tsentence2\tlabel\n0\tA.\tB.\tentailment\n")
    with pytest.raises(ValueError, match=r"rte: files .*train\.tsv, .*train_copy\.tsv; expected one for the"):
        open_dataset("rte", tmp_path)


def test_a_folder_without_files_says_what_to_place_there(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"rte: no files in .*/rte or .*; expected .*train\.tsv, dev\.tsv.*leave"
    ):
        open_dataset("rte", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"story_cloze: no files.*spring2016.*on request"):
        open_dataset("story_cloze", tmp_path)


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_lines_of_two_languages_belong_together(write: Write, tmp_path: Path, ending: str) -> None:
    def pack(text: str) -> bytes:
        return gzip.compress(text.encode()) if ending else text.encode()

    for stem in ("test_2016_flickr", "test_2017_flickr"):
        write(f"multi30k/{stem}.en{ending}", pack(f"A dog. {stem}\nTwo men.\n"))
        write(f"multi30k/{stem}.fr{ending}", pack("Un chien.\r\nDeux hommes.\r\n"))
    rows = read("multi30k", tmp_path, "test")
    assert rows == [
        Example(("A dog. test_2016_flickr",), 0, 0, references=("Un chien.",)),
        Example(("Two men.",), 0, 1, references=("Deux hommes.",)),
    ]
    write(f"multi30k/test_2016_flickr.fr{ending}", pack("Un chien.\n"))
    with pytest.raises(ValueError, match=r"\.fr.* ends after line 1; expected as many lines as .*\.en"):
        read("multi30k", tmp_path, "test")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("rtee", r"dataset: 'rtee' \(did you mean rte\?\); expected one of snli,"),
        ("MRPC", r"dataset: 'MRPC' \(did you mean mrpc\?\); expected one of snli,"),
        ("chess", r"dataset: 'chess'; expected one of .*storyworld:NAME; or a file ending in \.tsv, \.csv"),
    ],
)
def test_an_unknown_set_is_refused_with_the_known(entry: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        open_dataset(entry)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"train: 'none\.csv' not found in .*; expected a file"):
        open_dataset("none.csv", tmp_path)
