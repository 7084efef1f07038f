"""What GPT-1's paper prints in Tables 2 to 5, and which set and metric each column is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        title: As the table prints it.
        set_name: The set whose runs fill it; "" where no run does.
        metric: What their scores are called, without ``val_`` or ``test_``.
    """

    title: str
    set_name: str = ""
    metric: str = ""


class PaperTable(NamedTuple):
    """A table of the paper.

    Attributes:
        title: What it is about.
        columns: Its columns.
        rows: Its rows that concern GPT-1, in percent (correlations too, as printed).
        twins: The built-in world's columns that stand for them.
    """

    title: str
    columns: tuple[Column, ...]
    rows: Mapping[str, tuple[float | None, ...]]
    twins: tuple[Column, ...]


class Twin(NamedTuple):
    """A task of the built-in world.

    Attributes:
        of: The published sets that it stands for.
        metric: What it is scored by.
        guess: What guessing gives, in percent; None where that depends on how one guesses (F1).
    """

    of: str
    metric: str
    guess: float | None


TWINS: Final[Mapping[str, Twin]] = {
    "entailment": Twin("MNLI, SNLI, QNLI, RTE, SciTail", "accuracy", 100 / 3),
    "acceptability": Twin("CoLA", "matthews", 0.0),
    "sentiment": Twin("SST-2", "accuracy", 50.0),
    "paraphrase": Twin("MRPC, QQP", "f1", None),
    "similarity": Twin("STS-B", "pearson", 0.0),
    "endings": Twin("Story Cloze", "accuracy", 50.0),
    "reading": Twin("RACE", "accuracy", 25.0),
}
"""The built-in world's tasks; the cheap ones first."""


def twin_column(task: str) -> Column:
    """The column of a task: its name, and for which sets it stands."""
    twin = TWINS[task]
    return Column(f"{task} ({twin.metric})", task, f"{task}_{twin.metric}")


AVERAGE: Final = Column("average")
"""Unweighted, over the other columns of its row."""
_COLA: Final = Column("CoLA (mc)", "cola", "cola_matthews")
_SST2: Final = Column("SST-2 (acc)", "sst2", "sst2_accuracy")
_MRPC: Final = Column("MRPC (F1)", "mrpc", "mrpc_f1")
_STSB: Final = Column("STS-B (pc)", "stsb", "stsb_pearson")
_QQP: Final = Column("QQP (F1)", "qqp", "qqp_f1")
_QNLI: Final = Column("QNLI", "qnli", "qnli_accuracy")
_RTE: Final = Column("RTE", "rte", "rte_accuracy")

# Numbers: the paper's Tables 2 to 5; the best of the earlier work is the best of each column.
TABLES: Final[Mapping[str, PaperTable]] = {
    "table2": PaperTable(
        "Table 2: natural language inference",
        (
            Column("MNLI-m", "mnli", "mnli_matched_accuracy"),
            Column("MNLI-mm", "mnli", "mnli_mismatched_accuracy"),
            Column("SNLI", "snli", "snli_accuracy"),
            Column("SciTail", "scitail", "scitail_accuracy"),
            _QNLI,
            _RTE,
        ),
        {
            "the paper's GPT-1": (82.1, 81.4, 89.9, 88.3, 88.1, 56.0),
            "best before it": (80.6, 80.1, 89.3, 83.3, 82.3, 61.7),
        },
        (
            Column("entailment, matched", "entailment", "entailment_matched_accuracy"),
            Column("entailment, mismatched", "entailment", "entailment_mismatched_accuracy"),
        ),
    ),
    "table3": PaperTable(
        "Table 3: question answering and commonsense",
        (
            Column("Story Cloze", "story_cloze", "story_cloze_accuracy"),
            Column("RACE-m", "race", "race_middle_accuracy"),
            Column("RACE-h", "race", "race_high_accuracy"),
            Column("RACE", "race", "race_accuracy"),
        ),
        {"the paper's GPT-1": (86.5, 62.9, 57.4, 59.0), "best before it": (77.6, 60.2, 50.3, 53.3)},
        (twin_column("endings"), twin_column("reading")),
    ),
    "table4": PaperTable(
        "Table 4: classification and similarity",
        (_COLA, _SST2, _MRPC, _STSB, _QQP, Column("GLUE")),
        {
            "the paper's GPT-1": (45.4, 91.3, 82.3, 82.0, 70.3, 72.8),
            "best before it": (35.0, 93.2, 86.0, 81.0, 66.1, 68.9),
        },
        tuple(map(twin_column, ("acceptability", "sentiment", "paraphrase", "similarity"))),
    ),
    "table5": PaperTable(
        "Table 5: ablations",
        (AVERAGE, _COLA, _SST2, _MRPC, _STSB, _QQP, Column("MNLI", "mnli", "mnli_accuracy"), _QNLI, _RTE),
        {
            "the paper: full (with aux LM)": (74.7, 45.4, 91.3, 82.3, 82.0, 70.3, 81.8, 88.1, 56.0),
            "the paper: no pre-training": (59.9, 18.9, 84.0, 79.4, 30.9, 65.5, 75.7, 71.2, 53.8),
            "the paper: no aux LM": (75.0, 47.9, 92.0, 84.9, 83.2, 69.8, 81.1, 86.9, 54.4),
            "the paper: LSTM with aux LM": (69.1, 30.3, 90.5, 83.2, 71.8, 68.1, 73.7, 81.1, 54.6),
        },
        (AVERAGE, *map(twin_column, TWINS)),
    ),
}

FIGURE: Final = "figure2"
PARTS: Final = (*TABLES, FIGURE)

LAYER_TASKS: Final = {"entailment": "MultiNLI", "reading": "RACE"}
"""Figure 2 left: the built-in world's tasks, and the sets that they stand for."""

ZERO_SHOT: Final = {
    "acceptability": ("storyworld:acceptability", "paper", "matthews"),
    "sentiment": ("storyworld:sentiment", "paper", "accuracy"),
    "reading": ("storyworld:reading", "paper", "accuracy"),
    "pronouns": ("storyworld:pronouns", "gpt1", "accuracy"),
}
"""Figure 2 right: benchmark, protocol and metric of each curve (CoLA, SST-2, RACE and DPRD in the paper)."""
