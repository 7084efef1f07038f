"""The sets of GPT-1's Table 1, and three whose answer is text: what each is, and in which forms."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gpt_toolkit.batches import TaskSpec
from gpt_toolkit.data.supervised.label_maps import (
    NO_GOLD,
    Targets,
    choice_targets,
    class_targets,
    grade_targets,
)
from gpt_toolkit.data.supervised.schemas import (
    Form,
    answered,
    choice_of_columns,
    choice_of_list,
    passage,
    plain,
)


@dataclass(frozen=True)
class Hub:
    """Where the Hugging Face hub has a set, as parquet files.

    Args:
        path: Its name there.
        config: Its configuration; "" for the only one.
        splits: Its splits by ours; what stands after a colon is the part that all rows of it are of.
    """

    path: str
    config: str
    splits: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class KnownSet:
    """A published set.

    Args:
        spec: Kind, labels in published order, metrics of GPT-1's tables.
        targets: What the labels of its files stand for.
        forms: Forms of its files, the preferred first.
        published: Rows with a label that each split has; of test splits that are not public, all rows.
        files: What to place where, for messages.
        hub: Where to download it; None where that cannot be.
        folders: Names that its folder has where it is published.
        variants: What is known of copies with other numbers of rows, by split and number.
        prefer: Pieces of file names; where files of one split differ in them, the first is read alone.
        join: Pieces of the names of files that are one split together.
        tolerant: Whether its published files have rows with missing fields or empty texts.
        passages: Whether its files lie in folders, an object a file, in the first of the forms.
        languages: Endings of two files that are aligned line by line: input and target.
    """

    spec: TaskSpec
    targets: Targets
    forms: tuple[Form, ...]
    published: Mapping[str, int]
    files: str
    hub: Hub | None = None
    folders: tuple[str, ...] = ()
    variants: Mapping[tuple[str, int], str] | None = None
    prefer: tuple[str, ...] = ()
    join: tuple[str, ...] = ()
    tolerant: bool = False
    passages: bool = False
    languages: tuple[str, str] | None = None


_HUB_SPLITS: Final = {"train": ("train",), "val": ("validation",), "test": ("test",)}
_ENTAILMENT_3: Final = ("entailment", "neutral", "contradiction")
_ENTAILMENT_2: Final = ("entailment", "not_entailment")
_OUT_OF_DOMAIN: Final = frozenset(
    {"c-05", "clc95", "j_71", "s_97", "swb04", "w_80"}
)  # CoLA's out_of_domain_dev.tsv


def _glue(config: str, splits: Mapping[str, tuple[str, ...]] = _HUB_SPLITS) -> Hub:
    return Hub("nyu-mll/glue", config, splits)


def _sizes(train: int, val: int, test: int) -> dict[str, int]:
    return {"train": train, "val": val, "test": test}


def _cola_part(fields: Mapping[str, Any]) -> str:
    return "out_of_domain" if fields["source"] in _OUT_OF_DOMAIN else "in_domain"


_COLA_COLUMNS: Final = ("source", "label", "mark", "sentence")
_STSB_COLUMNS: Final = ("genre", "file", "year", "index", "score", "sentence1", "sentence2")
_PAIR: Final = ("sentence1", "sentence2")
_NLI: Final = ("premise", "hypothesis")
_QUESTIONS: Final = ("question1", "question2")
_STORY: Final = tuple(f"InputSentence{i}" for i in range(1, 5))
_QUIZ: Final = ("RandomFifthSentenceQuiz1", "RandomFifthSentenceQuiz2")

_SETS: Final = (
    KnownSet(
        TaskSpec("snli", "classification", _ENTAILMENT_3, 1, ("accuracy",)),
        class_targets(_ENTAILMENT_3, without=NO_GOLD),
        (
            plain(
                "the official form", _PAIR, "gold_label", extra="before_last"
            ),  # GLUE's train.tsv: 11 or 15 fields
            plain("the hub's form", _NLI, "label"),
            plain("normalized text", _NLI, "label", columns=(*_NLI, "label")),
        ),
        _sizes(549_367, 9_842, 9_824),  # with a gold label, of 550,152, 10,000 and 10,000
        "snli_1.0_train.jsonl, snli_1.0_dev.jsonl and snli_1.0_test.jsonl of "
        "https://nlp.stanford.edu/projects/snli",
        Hub("stanfordnlp/snli", "", _HUB_SPLITS),
        ("SNLI", "snli_1.0"),
        tolerant=True,
    ),
    KnownSet(
        TaskSpec("mnli", "classification", _ENTAILMENT_3, 1, ("accuracy",), ("matched", "mismatched")),
        class_targets(_ENTAILMENT_3, without=frozenset({"-"})),
        (plain("GLUE's form", _PAIR, "gold_label"), plain("the hub's form", _NLI, "label")),
        _sizes(392_702, 9_815 + 9_832, 9_796 + 9_847),
        "train.tsv, dev_matched.tsv, dev_mismatched.tsv, test_matched.tsv and test_mismatched.tsv of GLUE's "
        "MNLI",
        _glue(
            "mnli",
            {
                "train": ("train",),
                "val": ("validation_matched:matched", "validation_mismatched:mismatched"),
                "test": ("test_matched:matched", "test_mismatched:mismatched"),
            },
        ),
        ("MNLI", "multinli_1.0"),
        join=("matched",),
        tolerant=True,
    ),
    KnownSet(
        TaskSpec("scitail", "classification", ("entails", "neutral"), 1, ("accuracy",)),
        class_targets(("entails", "neutral"), also={"entailment": 0}),
        (
            plain("the tsv form", _NLI, "label", columns=(*_NLI, "label")),
            plain("the hub's form", _NLI, "label"),
            plain("the snli form", _PAIR, "gold_label"),
        ),
        _sizes(23_596, 1_304, 2_126),
        "scitail_1.0_train.tsv, scitail_1.0_dev.tsv and scitail_1.0_test.tsv of SciTailV1.1/tsv_format",
        Hub("allenai/scitail", "tsv_format", _HUB_SPLITS),
        ("SciTail", "tsv_format", "SciTailV1.1/tsv_format"),
    ),
    KnownSet(
        TaskSpec("qnli", "classification", _ENTAILMENT_2, 1, ("accuracy",)),
        class_targets(_ENTAILMENT_2),
        (plain("GLUE's form", ("question", "sentence"), "label"),),
        _sizes(104_743, 5_463, 5_463),
        "train.tsv, dev.tsv and test.tsv of GLUE's QNLI",
        _glue("qnli"),
        ("QNLI",),
    ),
    KnownSet(
        TaskSpec("rte", "classification", _ENTAILMENT_2, 1, ("accuracy",)),
        class_targets(_ENTAILMENT_2),
        (plain("GLUE's form", _PAIR, "label"), plain("SuperGLUE's form", _NLI, "label")),
        _sizes(2_490, 277, 3_000),
        "train.tsv, dev.tsv and test.tsv of GLUE's RTE",
        _glue("rte"),
        ("RTE",),
    ),
    KnownSet(
        TaskSpec("race", "multiple_choice", (), 4, ("accuracy",), ("middle", "high")),
        choice_targets(4),
        (
            passage("the official form", "article", "questions", "options", "answers"),
            choice_of_list("the hub's form", "article", "question", "options", "answer", "example_id"),
            choice_of_list("lists of words", "article", "question", "options", "ground_truth", "filename"),
        ),
        _sizes(87_866, 4_887, 4_934),
        "the folders train, dev and test of RACE.tar.gz, each with middle and high",
        Hub("ehovy/race", "all", _HUB_SPLITS),
        ("RACE",),
        variants={
            (
                "train",
                1_148,
            ): "these are questions of RACE-M's test split, divided anew; GPT-1 trained on all of RACE",
            (
                "test",
                288,
            ): "these are a part of RACE-M's 1,436 test questions; one passage is also in the train file",
            ("train", 25_421): "RACE-M alone",
            ("train", 62_445): "RACE-H alone",
            ("val", 1_436): "RACE-M alone",
            ("val", 3_451): "RACE-H alone",
            ("test", 1_436): "RACE-M alone",
            ("test", 3_498): "RACE-H alone",
        },
        tolerant=True,
        passages=True,
    ),
    KnownSet(
        TaskSpec("story_cloze", "multiple_choice", (), 2, ("accuracy",)),
        choice_targets(2, first=1),
        (choice_of_columns("the published form", _STORY, "", _QUIZ, "AnswerRightEnding"),),
        _sizes(1_497, 374, 1_871),
        "the spring 2016 files cloze_test_val__spring2016 - cloze_test_ALL_val.csv and "
        "cloze_test_test__spring2016 - "
        "cloze_test_ALL_test.csv, which its authors send on request "
        "(https://cs.rochester.edu/nlp/rocstories)",
        folders=("StoryCloze", "rocstories", "ROCStories"),
        variants={
            ("train", 1_571): "the 2018 release; GPT-1 used that of 2016",
            ("test", 1_571): "the 2018 release, without labels; GPT-1 used that of 2016",
        },
        prefer=("2016", "2018"),
    ),
    KnownSet(
        TaskSpec(
            "cola",
            "classification",
            ("unacceptable", "acceptable"),
            1,
            ("matthews",),
            ("in_domain", "out_of_domain"),
        ),
        class_targets(("unacceptable", "acceptable")),
        (
            plain("the authors' form", ("sentence",), "label", columns=_COLA_COLUMNS, part=_cola_part),
            plain("the hub's form", ("sentence",), "label"),
        ),
        _sizes(8_551, 1_043, 1_063),
        "in_domain_train.tsv and mixed_dev.tsv of cola_public/raw, or train.tsv, dev.tsv and test.tsv of "
        "GLUE's CoLA",
        _glue("cola"),
        ("CoLA", "raw", "cola_public/raw"),
        variants={("val", 527): "the in-domain rows alone", ("val", 516): "the out-of-domain rows alone"},
        prefer=("mixed",),
        join=("domain",),
    ),
    KnownSet(
        TaskSpec("sst2", "classification", ("negative", "positive"), 1, ("accuracy",)),
        class_targets(("negative", "positive")),
        (
            plain("phrases, GLUE's form", ("sentence",), "label"),
            plain("sentences, without a header", ("sentence",), "label", columns=("sentence", "label")),
        ),
        _sizes(67_349, 872, 1_821),
        "train.tsv, dev.tsv and test.tsv of GLUE's SST-2",
        _glue("sst2"),
        ("SST-2", "SST2"),
        variants={
            ("train", 6_920): "the sentence-level SST-2; GPT-1 used GLUE's 67,349 phrases",
            (
                "train",
                60_614,
            ): "a part of GLUE's 67,349 phrases, of which this copy has another 6,735 as its dev file",
            ("val", 6_735): "a part of GLUE's 67,349 train phrases",
            ("test", 872): "these are GLUE's dev rows",
        },
    ),
    KnownSet(
        TaskSpec("mrpc", "similarity", ("not_equivalent", "equivalent"), 1, ("f1", "accuracy")),
        class_targets(("not_equivalent", "equivalent")),
        (
            plain("Microsoft's form", ("#1 String", "#2 String"), "Quality"),
            plain("the hub's form", _PAIR, "label"),
        ),
        _sizes(3_668, 408, 1_725),
        "msr_paraphrase_train.txt and msr_paraphrase_test.txt, or train.tsv, dev.tsv and test.tsv of GLUE's "
        "MRPC",
        _glue("mrpc"),
        ("MRPC",),
    ),
    KnownSet(
        TaskSpec("qqp", "similarity", ("not_duplicate", "duplicate"), 1, ("f1", "accuracy")),
        class_targets(("not_duplicate", "duplicate")),
        (
            plain("GLUE's form", _QUESTIONS, "is_duplicate"),
            plain("the hub's form", _QUESTIONS, "label"),
            plain("pairs and a label", _QUESTIONS, "label", columns=(*_QUESTIONS, "label")),
            plain("a label and pairs", _QUESTIONS, "label", columns=("label", *_QUESTIONS, "id")),
        ),
        _sizes(363_846, 40_430, 390_965),
        "train.tsv, dev.tsv and test.tsv of GLUE's QQP",
        _glue("qqp"),
        ("QQP",),
        variants={("test", 10_000): "the balanced test sample of text-matching papers, not GLUE's"},
        tolerant=True,
    ),
    KnownSet(
        TaskSpec("stsb", "graded", tuple("012345"), 1, ("pearson", "spearman")),
        grade_targets(0, 5),
        (
            plain("GLUE's form", _PAIR, "score"),
            plain("the hub's form", _PAIR, "label"),
            plain("the benchmark's form", _PAIR, "score", columns=_STSB_COLUMNS, extra="last"),
        ),
        _sizes(5_749, 1_500, 1_379),
        "sts-train.csv, sts-dev.csv and sts-test.csv, or train.tsv, dev.tsv and test.tsv of GLUE's STS-B",
        _glue("stsb"),
        ("STS-B", "stsbenchmark"),
    ),
    KnownSet(
        TaskSpec("cnn_dm", "text", (), 1, ("rouge",), max_new_tokens=100),  # GPT-2 §3.6: 100 tokens
        class_targets(()),
        (answered("articles and highlights", "article", "highlights"),),
        _sizes(287_113, 13_368, 11_490),
        "train.csv, validation.csv and test.csv with the columns article and highlights",
        Hub("abisee/cnn_dailymail", "3.0.0", _HUB_SPLITS),
        ("cnn_dailymail", "cnn_dm"),
        variants={("train", 100): "a sample of the train split"},
    ),
    KnownSet(
        TaskSpec(
            "nq_open", "text", (), 1, ("exact_match", "token_f1"), max_new_tokens=16
        ),  # ours: answers are short
        class_targets(()),
        (answered("questions and answers", "question", "answer"),),
        {"train": 87_925, "val": 3_610},
        "NQ-open.train.jsonl and NQ-open.dev.jsonl of github.com/google-research-datasets/natural-questions",
        Hub("google-research-datasets/nq_open", "", {"train": ("train",), "val": ("validation",)}),
    ),
    KnownSet(
        TaskSpec("multi30k", "text", (), 1, ("bleu",), max_new_tokens=60),  # ours: twice its longest captions
        class_targets(()),
        (),
        _sizes(29_000, 1_014, 1_000),
        "train.en.gz, train.fr.gz, val.en.gz, val.fr.gz, test_2016_flickr.en.gz and test_2016_flickr.fr.gz "
        "of "
        "github.com/multi30k/dataset (data/task1/raw)",
        folders=("multi30k_en_fr",),
        prefer=("2016",),
        languages=("en", "fr"),
    ),
)

KNOWN: Final[Mapping[str, KnownSet]] = {known.spec.name: known for known in _SETS}
"""All of them, by name."""
