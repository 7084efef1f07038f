"""Benchmarks that compare candidates by likelihood: CBT, Winograd schemas, and GPT-1 §5's heuristics."""

from collections.abc import Callable, Sequence

import numpy as np

from gpt_toolkit.batches import Answer
from gpt_toolkit.evaluation.benchmark_metrics import accuracy, matthews
from gpt_toolkit.evaluation.build_requests import Remarks, Setting, alternatives, continuation
from gpt_toolkit.evaluation.detokenizers import BOOKS
from gpt_toolkit.evaluation.items import GAP, Choice, Cloze, Labelled, Schema
from gpt_toolkit.evaluation.protocol import Ask, Asked, Judge, Judgement, Protocol

_PUNCTUATION = tuple(".,;:!?')]}%")


def summed(answer: Answer) -> float:
    """Log-probability of a candidate."""
    return answer.log_probability


def mean_of_tokens(answer: Answer) -> float:
    """Log-probability of a candidate per token."""
    return answer.log_probability / answer.n_scored


def likeliest(score: Callable[[Answer], float]) -> Judge:
    """The candidate with the highest score is the answer, the first of equals; the note is the right one."""

    def judge(asked: Asked, answers: Sequence[Sequence[Answer]]) -> Judgement:
        scores = [[score(answer) for answer in row] for row in answers]
        chosen = [row.index(max(row)) for row in scores]
        correct = [guess == right for guess, right in zip(chosen, asked.notes, strict=True)]
        chance = float(np.mean([1 / len(row) for row in scores])) if scores else np.nan
        rows = [
            {"correct": right, "chosen": guess, "scores": row}
            for right, guess, row in zip(correct, chosen, scores, strict=True)
        ]
        return Judgement([accuracy("accuracy", correct, chance)], rows)

    return judge


def followed(beginning: str, rest: str) -> str:
    """The rest of a sentence as it follows its beginning: with a blank unless it is punctuation."""
    return rest if rest.startswith(_PUNCTUATION) or beginning.endswith(" ") else f" {rest}"


def ask_cloze(rows: Sequence[Cloze], setting: Setting) -> Asked:
    """Each candidate with the rest of its sentence, after the story and the sentence's beginning."""
    remarks = Remarks()
    requests = []
    for row in rows:
        sentences = [*row.context, row.query]
        if row.tokenized:
            sentences = [BOOKS.detokenize(sentence) for sentence in sentences]
        before = " ".join(sentences[:-1])
        beginning, gap, rest = sentences[-1].partition(GAP)
        if not gap:
            raise ValueError(f"The query {row.query!r} has no gap: {GAP} stands where the word is missing.")
        context = f"{before} {beginning}" if before else beginning
        requests.append(alternatives(setting, remarks, context, [word + rest for word in row.candidates]))
    return Asked([list(row) for row in requests], [row.answer for row in rows], remarks)


def ask_schemas(rows: Sequence[Schema], setting: Setting) -> Asked:
    """The rest of the sentence given each reading (partial), then each whole sentence (full)."""
    remarks = Remarks()
    requests = []
    for row in rows:
        rests = [followed(beginning, row.rest) for beginning in row.beginnings]
        pairs = list(zip(row.beginnings, rests, strict=True))
        partial = [continuation(setting, remarks, beginning, rest) for beginning, rest in pairs]
        full = [continuation(setting, remarks, "", beginning + rest) for beginning, rest in pairs]
        requests.append([*partial, *full])
    return Asked([list(row) for row in requests], [row.answer for row in rows], remarks)


def judge_schemas(asked: Asked, answers: Sequence[Sequence[Answer]]) -> Judgement:
    """Accuracy of partial and of full scoring."""
    judge = likeliest(summed)
    partial = judge(asked, [row[: len(row) // 2] for row in answers])
    full = judge(asked, [row[len(row) // 2 :] for row in answers])
    metrics = [
        judgement.metrics[0]._replace(name=f"{name}_accuracy")
        for name, judgement in (("partial", partial), ("full", full))
    ]
    rows = [
        {**one, **{f"full_{key}": value for key, value in other.items()}}
        for one, other in zip(partial.rows, full.rows, strict=True)
    ]
    return Judgement(metrics, rows)


def ask_partial(blank: str) -> Ask:
    """The rest of the sentence given each reading, after a blank of the protocol's own."""

    def ask(rows: Sequence[Schema], setting: Setting) -> Asked:
        remarks = Remarks()
        requests = [
            [
                continuation(
                    setting, remarks, beginning, blank + row.rest if blank else followed(beginning, row.rest)
                )
                for beginning in row.beginnings
            ]
            for row in rows
        ]
        return Asked([list(row) for row in requests], [row.answer for row in rows], remarks)

    return ask


def ask_options(rows: Sequence[Choice], setting: Setting) -> Asked:
    """Each way to go on after the context."""
    remarks = Remarks()
    requests = [
        alternatives(setting, remarks, row.context, [f" {option}" for option in row.options]) for row in rows
    ]
    return Asked([list(row) for row in requests], [row.answer for row in rows], remarks)


def ask_very(rows: Sequence[Labelled], setting: Setting) -> Asked:
    """``positive`` (class 1) and ``negative`` (class 0) after the text and ``very``."""
    remarks = Remarks()
    requests = [
        alternatives(setting, remarks, f"{row.text.strip()} very", (" negative", " positive")) for row in rows
    ]
    return Asked([list(row) for row in requests], [row.label for row in rows], remarks)


def ask_sentences(rows: Sequence[Labelled], setting: Setting) -> Asked:
    """Each text on its own."""
    remarks = Remarks()
    requests = [continuation(setting, remarks, "", row.text.strip()) for row in rows]
    return Asked([[request] for request in requests], [row.label for row in rows], remarks)


ACCEPTABLE = 6023 / 8551
"""Share of acceptable sentences in CoLA's published training set."""


def judge_acceptability(asked: Asked, answers: Sequence[Sequence[Answer]]) -> Judgement:
    """Matthews correlation of "the mean log-probability of a token is above the threshold"."""
    scores = [mean_of_tokens(row[0]) for row in answers]
    threshold = float(np.quantile(scores, 1 - ACCEPTABLE)) if scores else np.nan
    chosen = [int(score > threshold) for score in scores]
    correct = [guess == label for guess, label in zip(chosen, asked.notes, strict=True)]
    rows = [
        {"correct": right, "chosen": guess, "scores": [score], "threshold": threshold}
        for right, guess, score in zip(correct, chosen, scores, strict=True)
    ]
    metrics = [matthews("matthews", chosen, asked.notes), accuracy("accuracy", correct, max(ACCEPTABLE, 0.5))]
    return Judgement(metrics, rows)


CLOZE = (
    Protocol(
        "paper",
        1,
        "Each of the ten candidates with the rest of its sentence, given the 20 sentences before (joined by "
        "blanks, de-tokenized by our invertible rules) and the sentence's beginning; the highest summed "
        "log-probability wins; validation rows (GPT-2 §3.2; layout and de-tokenizer are our choice).",
        ask_cloze,
        likeliest(summed),
    ),
)
SCHEMAS = (
    Protocol(
        "paper",
        1,
        "Each answer in place of the pronoun, in lower case within a sentence and with 's for possessives; "
        "partial: summed log-probability of the words after it, full: of the whole sentence after the "
        "end-of-text token (GPT-2 §3.4, Trinh and Le 2018; no length normalization is our choice).",
        ask_schemas,
        judge_schemas,
    ),
    Protocol(
        "lm-eval",
        1,
        "Partial scoring as paper-1, but with the two blanks that the harness puts before the words after "
        "the answer (lm-eval 0.4.13: wsc273).",
        ask_partial("  "),
        likeliest(summed),
    ),
)
RESOLUTION = (
    Protocol(
        "paper",
        1,
        "Each candidate in place of the pronoun; the one after which the rest of the sentence has the "
        "higher mean log-probability of a token wins (GPT-1 §5, DPRD).",
        ask_partial(""),
        likeliest(mean_of_tokens),
    ),
)
ACCEPTABILITY = (
    Protocol(
        "paper",
        1,
        "Mean log-probability of a token of the sentence after the end-of-text token; acceptable if above "
        f"the threshold that calls {ACCEPTABLE:.1%} of the rows so, CoLA's share in training (GPT-1 §5; the "
        "threshold is our choice); Matthews correlation.",
        ask_sentences,
        judge_acceptability,
    ),
)
SENTIMENT = (
    Protocol(
        "paper",
        1,
        'The text with "very" appended; the likelier of "positive" and "negative" after it (GPT-1 §5).',
        ask_very,
        likeliest(summed),
    ),
)
READING = (
    Protocol(
        "paper",
        1,
        "Each answer after document and question on a line of its own; the highest mean log-probability of "
        "a token wins (GPT-1 §5).",
        ask_options,
        likeliest(mean_of_tokens),
    ),
)
