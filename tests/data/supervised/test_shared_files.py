"""The real files of the shared folder: counts of every variant, compared with its README."""

from collections import Counter
from pathlib import Path

import pytest

from gpt_toolkit.data.supervised import Example, open_dataset

pytestmark = pytest.mark.shared


def rows_of(name: str, root: Path, split: str) -> list[Example]:
    rows = list(open_dataset(name, root).examples(split))
    assert [row.number for row in rows] == list(range(len(rows)))
    return rows


def targets_of(name: str, root: Path, split: str) -> dict[int | float | None, int]:
    return dict(Counter(row.target for row in rows_of(name, root, split)))


@pytest.mark.parametrize(
    ("name", "folder", "split", "targets"),
    [
        ("sst2", "", "train", {0: 6_920 - 3_610, 1: 3_610}),
        ("sst2", "", "val", {0: 872 - 444, 1: 444}),
        ("sst2", "", "test", {0: 1_821 - 909, 1: 909}),
        ("sst2", "sst2_glue", "test", {0: 428, 1: 444}),
        ("mrpc", "", "test", {0: 1_725 - 1_147, 1: 1_147}),
        ("cola", "", "train", {0: 2_528, 1: 6_023}),
        ("cola", "", "val", {0: 322, 1: 721}),
        ("rte", "", "train", {0: 1_249, 1: 1_241}),
        ("rte", "", "val", {0: 146, 1: 131}),
        ("qnli", "", "val", {0: 2_702, 1: 2_761}),
        ("snli", "", "test", {0: 3_368, 1: 3_219, 2: 3_237}),
        ("qqp", "", "test", {0: 5_000, 1: 5_000}),
        ("race", "", "test", {0: 58, 1: 82, 2: 77, 3: 71}),
        ("nq_open", "", "val", {0: 3_610}),
        ("multi30k", "", "test", {0: 1_000}),
    ],
)
def test_every_row_is_read_with_its_label(
    shared_data: Path, name: str, folder: str, split: str, targets: dict[int, int]
) -> None:
    assert targets_of(name, shared_data / folder, split) == targets


def test_both_files_of_the_phrases_hold_glues_train_rows(shared_data: Path) -> None:
    counts = [targets_of("sst2", shared_data / "sst2_glue", split) for split in ("train", "val")]
    assert [sum(count.values()) for count in counts] == [60_614, 6_735]
    assert [sum(count[target] for count in counts) for target in (0, 1)] == [29_780, 37_569]


@pytest.mark.parametrize(
    ("name", "counts"), [("mrpc", {0: 4_076 - 2_753, 1: 2_753}), ("race", {0: 251, 1: 306, 2: 297, 3: 294})]
)
def test_a_file_that_is_divided_loses_no_row(shared_data: Path, name: str, counts: dict[int, int]) -> None:
    train, val = (targets_of(name, shared_data, split) for split in ("train", "val"))
    assert Counter(train) + Counter(val) == counts
    assert 0.05 < sum(val.values()) / sum(counts.values()) < 0.15


def test_no_passage_is_in_training_and_in_validation(shared_data: Path) -> None:
    train, val = ({row.texts[0] for row in rows_of("race", shared_data, split)} for split in ("train", "val"))
    assert train
    assert val
    assert not train & val


def test_grades_are_numbers_and_rows_with_nine_fields_are_read(shared_data: Path) -> None:
    sizes = {}
    for split in ("train", "val", "test"):
        rows = rows_of("stsb", shared_data, split)
        sizes[split] = len(rows)
        assert all(isinstance(row.target, float) and 0 <= row.target <= 5 for row in rows)
        assert not any("\t" in text for row in rows for text in row.texts)
    assert sizes == {"train": 5_749, "val": 1_500, "test": 1_379}


def test_colas_parts_are_told_by_the_source_of_a_sentence(shared_data: Path, tmp_path: Path) -> None:
    mixed = rows_of("cola", shared_data, "val")
    assert Counter(row.subset for row in mixed) == {"in_domain": 527, "out_of_domain": 516}
    for name in ("in_domain_dev.tsv", "out_of_domain_dev.tsv"):
        (tmp_path / name).write_bytes((shared_data / "cola" / name).read_bytes())
    two_files = rows_of("cola", tmp_path, "val")
    assert [row.subset for row in two_files] == ["in_domain"] * 527 + ["out_of_domain"] * 516
    same = {(row.texts, row.target, row.subset) for row in two_files} & {
        (row.texts, row.target, row.subset) for row in mixed
    }
    assert len(same) == 1_034  # the authors corrected nine rows in one of the copies


GOLDEN = {
    ("sst2", "train"): (
        "a stirring , funny and finally transporting re imagining of beauty and the beast and 1930s horror "
        "films",
        1,
    ),
    ("cola", "val"): ("Somebody just left - guess who.", 1),
    ("rte", "train"): (
        "No Weapons of Mass Destruction Found in Iraq Yet.",
        "Weapons of Mass Destruction Found in Iraq.",
        1,
    ),
    ("qnli", "val"): (
        "What came into force after the new constitution was herald?",
        "As of that day, the new constitution heralding the Second Republic came into force.",
        0,
    ),
    ("snli", "test"): (
        "this church choir sings to the masses as they sing joyous songs from the book at a church",
        "the church has cracks in the ceiling",
        1,
    ),
    ("qqp", "test"): (
        "What should I do to avoid sleeping in class ?",
        "How do I not sleep in a boring class ?",
        1,
    ),
    ("stsb", "train"): ("A plane is taking off.", "An air plane is taking off.", 5.0),
    ("mrpc", "train"): (
        'Amrozi accused his brother, whom he called "the witness", of deliberately distorting his evidence.',
        'Referring to him as only "the witness", Amrozi accused his brother of deliberately distorting his '
        "evidence.",
        1,
    ),
}


@pytest.mark.parametrize(("name", "split"), GOLDEN)
def test_the_first_row_is_the_first_of_the_file(shared_data: Path, name: str, split: str) -> None:
    row = next(open_dataset(name, shared_data).examples(split))
    assert (*row.texts, row.target) == GOLDEN[name, split]


def test_phrases_have_no_space_around_them(shared_data: Path) -> None:
    row = next(open_dataset("sst2", shared_data / "sst2_glue").examples("val"))
    assert row.texts == ("the expressive power of the camera",)


def test_words_of_race_are_joined(shared_data: Path) -> None:
    row = next(open_dataset("race", shared_data).examples("test"))
    document, question, *answers = row.texts
    assert document.startswith(
        "Jim and Andy are standing at the bus stop and waiting for the No . 6 bus . They"
    )
    assert question == "From the passage , we know _ ."
    assert answers[1] == "Jim and Andy like helping others"
    assert (row.target, row.subset, len(answers)) == (1, "middle", 4)


def test_texts_are_learned_from_the_first_of_their_answers(shared_data: Path) -> None:
    question = next(open_dataset("nq_open", shared_data).examples("val"))
    assert question.texts == ("when was the last time anyone was on the moon",)
    assert question.references == ("14 December 1972 UTC", "December 1972")
    caption = next(open_dataset("multi30k", shared_data).examples("test"))
    assert caption.texts == ("A man in an orange hat starring at something.",)
    assert caption.references == ("Un homme avec un chapeau orange regardant quelque chose.",)
    article = next(open_dataset("cnn_dm", shared_data).examples("train"))
    assert article.texts[0].startswith("By . Associated Press . PUBLISHED: . 14:11 EST, 25 October 2013 .")
    assert article.references[0].startswith("Bishop John Folda, of North Dakota, is taking time off")
    assert article.references[0].count("\n") == 2


@pytest.mark.parametrize(
    ("name", "folder", "split", "remark"),
    [
        (
            "sst2",
            "",
            "train",
            "train: 6,920 examples (sentences, without a header), not the published 67,349: the "
            "sentence-level SST-2; GPT-1 used GLUE's 67,349 phrases",
        ),
        (
            "sst2",
            "sst2_glue",
            "test",
            "test: 872 examples (phrases, GLUE's schema), not the published 1,821: these are GLUE's dev "
            "examples",
        ),
        (
            "qqp",
            "",
            "test",
            "test: 10,000 examples (pairs and a label), not the published 390,965: the balanced test sample "
            "of text-matching papers, not GLUE's",
        ),
        (
            "mrpc",
            "",
            "val",
            "val: 385 of 4,076 examples; a tenth of the training file is for validation, chosen by content",
        ),
    ],
)
def test_a_remark_names_the_variant(
    shared_data: Path, name: str, folder: str, split: str, remark: str
) -> None:
    assert open_dataset(name, shared_data / folder).notes(split) == [remark]


@pytest.mark.parametrize(
    ("name", "split"), [("rte", "train"), ("rte", "val"), ("snli", "test"), ("cola", "val")]
)
def test_files_of_the_published_size_need_no_remark(shared_data: Path, name: str, split: str) -> None:
    assert open_dataset(name, shared_data).notes(split) == []
