"""Benchmarks whose answer the model writes: CoQA, CNN/DM, WMT14, Natural Questions (GPT-2 §3.5-3.8)."""

import random
import re
import string
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from gpt_toolkit.batches import Answer, Prompt
from gpt_toolkit.evaluation.benchmark_metrics import bleu, leave_one_out_f1, mean, rouge
from gpt_toolkit.evaluation.build_requests import Remarks, Setting, end_mark, prompt
from gpt_toolkit.evaluation.items import Conversation, Question, Summary, Translation
from gpt_toolkit.evaluation.protocol import Ask, Asked, Judge, Judgement, Protocol
from gpt_toolkit.metrics import exact_match, token_f1

Row = TypeVar("Row")

LINE_BREAK = "\n"
_HARNESS_TOKENS = 256  # lm-eval 0.4.13: lm_eval/models/huggingface.py
_SENTENCE = re.compile(r"\S.*?(?:[.!?…]+[\"'”’)\]]*(?=\s|$)|$)", re.DOTALL)  # noqa: RUF001


def sentences(text: str) -> list[str]:
    """Sentences of a text: each ends in a mark that a blank or the end of the text follows."""
    return [found.group().strip() for found in _SENTENCE.finditer(text.strip())]


def examples_for(rows: Sequence[Row], n: int, seed: int) -> Callable[[int], list[Row]]:
    """Examples in context for each row: the same for all, but never the row itself.

    One more than needed are drawn; it stands in where an example is the row that is asked.
    """
    drawn = random.Random(seed).sample(range(len(rows)), min(n + 1, len(rows)))

    def examples(asked: int) -> list[Row]:
        return [rows[i] for i in drawn if i != asked][:n]

    return examples


def _ask(
    write: Callable[[Any, list[Any]], str],
    note: Callable[[Any], Any],
    *,
    max_new_tokens: int,
    stop: tuple[str, ...],
    n_examples: int = 0,
    examples_allowed: bool = True,
) -> Ask:
    """Prompts of all rows, each written with its examples; the references are the notes."""

    def ask(rows: Sequence[Any], setting: Setting) -> Asked:
        remarks = Remarks()
        n = setting.n_examples if setting.n_examples is not None and examples_allowed else n_examples
        examples = examples_for(rows, n, setting.seed)
        requests = [
            prompt(setting, remarks, write(row, examples(i)), max_new_tokens=max_new_tokens, stop=stop)
            for i, row in enumerate(rows)
        ]
        return Asked([[request] for request in requests], [note(row) for row in rows], remarks)

    return ask


# Conversation (CoQA)


def ask_turns(rows: Sequence[Conversation], setting: Setting) -> Asked:
    """Every question after the story and the conversation before it, with the answers that people gave."""
    remarks = Remarks()
    requests, notes = [], []
    for row in rows:
        text = f"{row.story.strip()}\n\n"
        turns = []
        for question, answers in zip(row.questions, row.answers, strict=True):
            text += f"Q: {question.strip()}\nA:"
            turns.append(prompt(setting, remarks, text, max_new_tokens=32, stop=(LINE_BREAK,)))
            text += f" {answers[0].strip()}\n"
        requests.append(turns)
        notes.append(row.answers)
    return Asked([list(turns) for turns in requests], notes, remarks)


def judge_turns(asked: Asked, answers: Sequence[Sequence[Answer]]) -> Judgement:
    """F1 in percent of every answer."""
    rows, scores = [], []
    for turns, references in zip(answers, asked.notes, strict=True):
        texts = [answer.text.strip().split(LINE_BREAK)[0] for answer in turns]
        found = [100 * leave_one_out_f1(text, right) for text, right in zip(texts, references, strict=True)]
        scores += found
        rows.append({"answers": texts, "f1": found})
    return Judgement([mean("f1", scores)], rows)


def _coqa_of_harness(row: Conversation, _: list[Conversation]) -> str:
    text = f"{row.story}\n\n"
    for question, answers in zip(row.questions[:-1], row.answers[:-1], strict=True):
        text += f"Q: {question}\n\nA: {answers[0]}\n\n"
    return f"{text}Q: {row.questions[-1]}\n\nA:"


def _last_references(row: Conversation) -> tuple[tuple[str, ...]]:
    references: list[str] = []
    for answer in row.answers[-1]:
        if answer.lower() not in map(str.lower, references):
            references.append(answer)
    return (tuple(references),)


# Summaries (CNN/Daily Mail)


def ask_summaries(hint: str) -> Ask:
    """The article, cut at its end to leave room, and the hint; 100 tokens drawn from the two likeliest."""

    def ask(rows: Sequence[Summary], setting: Setting) -> Asked:
        remarks = Remarks()
        n_new = min(100, max(1, setting.n_ctx // 2))
        after = setting.vocabulary.encode(hint) if hint else []
        room = max(1, setting.n_ctx - n_new - len(after))
        requests = []
        for number, row in enumerate(rows):
            ids = setting.vocabulary.encode(row.article)
            if len(ids) > room:
                remarks.add(f"articles lost their end to fit into {setting.n_ctx} tokens with the summary")
            seed = setting.seed * 1_000_003 + number  # ours: every row draws its own, the same in every run
            requests.append(Prompt((*ids[:room], *after), n_new, end_mark(setting), 2, seed))
        return Asked([[request] for request in requests], [row.highlights for row in rows], remarks)

    return ask


def judge_summaries(asked: Asked, answers: Sequence[Sequence[Answer]]) -> Judgement:
    """ROUGE of the first three sentences."""
    texts = [LINE_BREAK.join(sentences(row[0].text)[:3]) for row in answers]
    return Judgement(rouge(texts, asked.notes, by_sentence=True), [{"answer": text} for text in texts])


def _judge_summaries_of_harness(asked: Asked, answers: Sequence[Sequence[Answer]]) -> Judgement:
    texts = [" ".join(row[0].text.split()) for row in answers]
    references = [" ".join(text.split()) for text in asked.notes]
    metrics = rouge(texts, references, by_sentence=False)
    return Judgement([*metrics[1:], metrics[0]], [{"answer": text} for text in texts])


# Translation (WMT14)


def _pairs(row: Translation, examples: list[Translation]) -> str:
    shown = [f"{example.source} = {example.target}{LINE_BREAK}" for example in examples]
    return f"{''.join(shown)}{row.source} ="


def judge_translations(asked: Asked, answers: Sequence[Sequence[Answer]]) -> Judgement:
    """BLEU of the first sentence."""
    texts = [(sentences(row[0].text.split(LINE_BREAK)[0]) or [""])[0] for row in answers]
    return Judgement([bleu(texts, asked.notes)], [{"answer": text} for text in texts])


def _judge_lines(asked: Asked, answers: Sequence[Sequence[Answer]]) -> Judgement:
    texts = [row[0].text for row in answers]
    return Judgement([bleu(texts, asked.notes)], [{"answer": text} for text in texts])


def _translation_of_harness(source: str, target: str) -> Callable[[Translation, list[Translation]], str]:
    return lambda row, _: f"{source} phrase: {row.source}\n{target} phrase:"


# Questions (Natural Questions)


def _asked(question: str) -> str:
    return f"Q: {question.removesuffix('?')}?\nA:"


def _with_answers(row: Question, examples: list[Question]) -> str:
    shown = [f"{_asked(example.question)} {example.answers[0]}\n\n" for example in examples]
    return "".join(shown) + _asked(row.question)


def judge_questions(asked: Asked, answers: Sequence[Sequence[Answer]]) -> Judgement:
    """Exact matches, of all rows and of the hundredth part that the model finds most probable."""
    found = [row[0] for row in answers]
    texts = [answer.text.strip().split(LINE_BREAK)[0] for answer in found]
    correct = [
        max(exact_match(text, reference) for reference in references)
        for text, references in zip(texts, asked.notes, strict=True)
    ]
    confident = sorted(range(len(found)), key=lambda i: -found[i].log_probability)
    confident = confident[: max(1, round(len(found) / 100))] if found else []
    rows = [
        {"answer": text, "correct": bool(right), "log_probability": answer.log_probability}
        for text, right, answer in zip(texts, correct, found, strict=True)
    ]
    metrics = [
        mean("exact_match", [100 * right for right in correct]),
        mean("exact_match_of_most_confident_1%", [100 * correct[i] for i in confident]),
    ]
    return Judgement(metrics, rows)


_articles = re.compile(r"\b(?:The |the |An |A |The |a |an )")


def _plain(text: str) -> str:
    text = _articles.sub("", text).lower()
    return text.translate(str.maketrans("", "", string.punctuation))


def _judge_questions_of_harness(asked: Asked, answers: Sequence[Sequence[Answer]]) -> Judgement:
    texts = [row[0].text.strip() for row in answers]
    correct = [
        any(_plain(text) == _plain(reference) for reference in references)
        for text, references in zip(texts, asked.notes, strict=True)
    ]
    rows = [{"answer": text, "correct": right} for text, right in zip(texts, correct, strict=True)]
    return Judgement([mean("exact_match", [100.0 * right for right in correct])], rows)


# Answers to anything else


def judge_texts(metric: str) -> Judge:
    """Whole answers by one metric: ``exact_match`` or F1 of the words in percent, ROUGE or BLEU."""

    def judge(asked: Asked, answers: Sequence[Sequence[Answer]]) -> Judgement:
        texts = [row[0].text.strip() for row in answers]
        rows: list[dict[str, Any]] = [{"answer": text} for text in texts]
        if metric == "rouge":
            return Judgement(rouge(texts, [notes[0] for notes in asked.notes], by_sentence=True), rows)
        if metric == "bleu":
            return Judgement([bleu(texts, [notes[0] for notes in asked.notes])], rows)
        agreement = exact_match if metric == "exact_match" else token_f1
        scores = [
            100 * max(agreement(text, reference) for reference in references)
            for text, references in zip(texts, asked.notes, strict=True)
        ]
        return Judgement([mean(metric, scores)], rows)

    return judge


CONVERSATION = (
    Protocol(
        "paper",
        1,
        "The story, the conversation so far as Q: and A: lines with people's answers, and a final A:; "
        "greedy up to the end of the line; F1 of every turn, averaged over references less one (GPT-2 "
        "§3.5; line breaks and the stop are our choice).",
        ask_turns,
        judge_turns,
    ),
    Protocol(
        "lm-eval",
        1,
        "The last turn of each conversation alone, a blank line after each question and answer, greedy up "
        "to a line that begins with Q:; F1 of the first line (lm-eval 0.4.13: coqa).",
        _ask(
            _coqa_of_harness,
            _last_references,
            max_new_tokens=_HARNESS_TOKENS,
            stop=("\nQ:",),
            examples_allowed=False,
        ),
        judge_turns,
    ),
)
SUMMARIES = (
    Protocol(
        "paper",
        1,
        "The article (its end cut where it is too long) and TL;DR: on a line of its own; 100 tokens drawn "
        "from the two likeliest; the first three sentences; ROUGE F1 with stemming, ROUGE-L by sentence "
        "(GPT-2 §3.6; the cut, the sentence splitter and rouge-score are our choice).",
        ask_summaries("\nTL;DR:"),
        judge_summaries,
    ),
    Protocol(
        "paper-no-hint",
        1,
        "As paper-1, but without TL;DR: (GPT-2 Table 4).",
        ask_summaries(""),
        judge_summaries,
    ),
    Protocol(
        "lm-eval",
        1,
        "Summarize the following article: and Summary: around the article; 128 greedy tokens up to an "
        "empty line; ROUGE F1 with stemming, blanks made single (lm-eval 0.4.13: cnn_dailymail_abisee; "
        "here in percent).",
        _ask(
            lambda row, _: f"Summarize the following article:\n\n{row.article}\n\nSummary:",
            lambda row: row.highlights,
            max_new_tokens=128,
            stop=("\n\n",),
            examples_allowed=False,
        ),
        _judge_summaries_of_harness,
    ),
)
QUESTIONS = (
    Protocol(
        "paper",
        1,
        "Q: and A: lines after five such pairs drawn by the seed from the other rows; greedy up to the end "
        "of the line; exact match as SQuAD has it, in percent; confidence is the probability of the answer "
        "(GPT-2 §3.8; number and form of the pairs are our choice).",
        _ask(
            _with_answers,
            lambda row: row.answers,
            max_new_tokens=32,
            stop=(LINE_BREAK,),
            n_examples=5,
        ),
        judge_questions,
    ),
    Protocol(
        "lm-eval",
        1,
        "Answer these questions: and one question as Q: and A: lines, no pairs; greedy up to a line end, "
        "full stop or comma; equal without case, punctuation and articles, in percent (lm-eval 0.4.13: "
        "nq_open).",
        _ask(
            lambda row, _: f"Answer these questions:\n\nQ: {row.question}?\nA:",
            lambda row: row.answers,
            max_new_tokens=_HARNESS_TOKENS,
            stop=(LINE_BREAK, ".", ","),
            examples_allowed=False,
        ),
        _judge_questions_of_harness,
    ),
)


def translation(source: str, target: str) -> tuple[Protocol, ...]:
    """The protocols of a pair of languages, by their names."""
    paper = Protocol(
        "paper",
        1,
        f"{source} = {target} lines for five rows drawn by the seed from the others, then the sentence and "
        "=; greedy up to the end of the line; BLEU of the first sentence (sacrebleu, cased, 13a) (GPT-2 "
        "§3.7; number and choice of the pairs are ours).",
        _ask(_pairs, lambda row: row.target, max_new_tokens=100, stop=(LINE_BREAK,), n_examples=5),
        judge_translations,
    )
    harness = Protocol(
        "lm-eval",
        1,
        f"{source} phrase: and {target} phrase: lines without pairs; greedy up to the end of the line; BLEU "
        "(sacrebleu's default) (lm-eval 0.4.13: wmt14).",
        _ask(
            _translation_of_harness(source, target),
            lambda row: row.target,
            max_new_tokens=_HARNESS_TOKENS,
            stop=(LINE_BREAK,),
            examples_allowed=False,
        ),
        _judge_lines,
    )
    return paper, harness
