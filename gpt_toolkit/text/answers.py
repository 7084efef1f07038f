"""How a written answer is compared with the right ones (SQuAD's evaluation script)."""

import re
import string
from collections import Counter


def normalize_answer(text: str) -> str:
    """Lower case, without punctuation, articles and needless blanks."""
    text = "".join(character for character in text.lower() if character not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def exact_match(answer: str, reference: str) -> float:
    """1 if both are the same answer, else 0."""
    return float(normalize_answer(answer) == normalize_answer(reference))


def token_f1(answer: str, reference: str) -> float:
    """F1 of the words of an answer."""
    given, right = normalize_answer(answer).split(), normalize_answer(reference).split()
    if not given or not right:
        return float(given == right)
    common = sum((Counter(given) & Counter(right)).values())
    return 2 * common / (len(given) + len(right))
