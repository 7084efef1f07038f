"""Metrics of generated texts, all from 0 to 100: exact match, F1 of words, ROUGE and BLEU.

An answer is compared with every reference and the best score counts; BLEU counts n-grams of any reference.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sacrebleu.metrics.bleu import BLEU

BLEU_COUNTS = 10
"""Numbers that BLEU sums: lengths of answer and reference, matches and totals of 1- to 4-grams."""


def normalize_answer(text: str) -> str:
    """Lower the case of a text; remove punctuation, articles and redundant spaces (SQuAD's script)."""
    text = "".join(character for character in text.lower() if character not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def exact_match(answer: str, references: Sequence[str]) -> float:
    """Return 100 if an answer is one of the references after normalization, else 0 (SQuAD's script)."""
    return 100.0 * (normalize_answer(answer) in map(normalize_answer, references))


def token_f1(answer: str, references: Sequence[str]) -> float:
    """Compute the best F1 of an answer's words against any reference (SQuAD's script)."""
    return max(_token_f1(answer, reference) for reference in references)


def leave_one_out_f1(answer: str, references: Sequence[str]) -> float:
    """Compute the best F1 against all references but one, averaged (CoQA's evaluation script).

    A human answer can only be compared with the others, so models are scored alike.
    """
    scores = [_token_f1(answer, reference) for reference in references]
    if len(scores) < 2:
        return max(scores, default=0.0)
    return sum(max(scores[:i] + scores[i + 1 :]) for i in range(len(scores))) / len(scores)


def _token_f1(answer: str, reference: str) -> float:
    given, right = normalize_answer(answer).split(), normalize_answer(reference).split()
    if not given or not right:
        return 100.0 * (given == right)
    common = sum((Counter(given) & Counter(right)).values())
    return 200.0 * common / (len(given) + len(right))


@cache
def rouge(*kinds: str) -> Callable[[str, Sequence[str]], list[float]]:
    """Return a function of answer and references that computes the best F1 of each kind, with stemming.

    Args:
        *kinds: Names in ``rouge_score``, such as ``rouge1`` or ``rougeL``.
    """
    from rouge_score.rouge_scorer import RougeScorer  # type: ignore[import-untyped]
    from rouge_score.tokenizers import DefaultTokenizer  # type: ignore[import-untyped]

    # a tokenizer is given because RougeScorer would log that it makes its own
    scorer = RougeScorer(list(kinds), tokenizer=DefaultTokenizer(use_stemmer=True))

    def f1(answer: str, references: Sequence[str]) -> list[float]:
        scores = scorer.score_multi(list(references), answer)
        return [100.0 * float(scores[kind].fmeasure) for kind in kinds]

    return f1


def rouge_l(answer: str, references: Sequence[str]) -> float:
    """Compute the best ROUGE-L of an answer against any reference: F1 with stemming."""
    return rouge("rougeL")(answer, references)[0]


def bleu_counts(answer: str, references: Sequence[str]) -> list[int]:
    """Return the counts of an answer against all its references, which are summed over a corpus.

    Texts are cased and split by sacrebleu's default tokenizer, 13a.
    """
    score = _scorer().sentence_score(answer, references)
    return [score.sys_len, score.ref_len, *score.counts, *score.totals]


@cache
def _scorer() -> BLEU:
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(effective_order=True)  # the order changes the score of one sentence, not its counts


def bleu(counts: Sequence[int]) -> float:
    """Compute BLEU from the summed counts of a corpus, with sacrebleu's default smoothing, exp."""
    from sacrebleu.metrics.bleu import BLEU

    length, reference_length, *ngrams = map(int, counts)
    return float(
        BLEU.compute_bleu(ngrams[:4], ngrams[4:], length, reference_length, smooth_method="exp").score
    )
