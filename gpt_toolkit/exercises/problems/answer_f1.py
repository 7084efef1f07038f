"""Exercise gpt2-3.5: F1 of an answer, as in CoQA (GPT-2 §3.5).

The paper reports 55 F1 on CoQA, a dataset of questions in a conversation. F1 compares the words of an answer
with those of a reference. With n shared words, precision p = n / words of the answer, recall r = n / words
of the reference, and F1 = 2 p r / (p + r).

Words are compared after normalization: lower case, no punctuation, without the words a, an, the. A word that
occurs twice in both counts twice. If either text has no words left, F1 is 1 if both have none, else 0.

Example: answer_f1("The red cat.", "a red dog") is 0.5: one shared word, p = 1/2, r = 1/2.
"""

import string
from collections import Counter


def answer_f1(answer: str, reference: str) -> float:
    """Return the F1 of an answer, from 0 to 1.

    Args:
        answer: Answer of the model.
        reference: Right answer.
    """

    def words(text: str) -> list[str]:
        text = "".join(c for c in text.lower() if c not in string.punctuation)
        return [word for word in text.split() if word not in ("a", "an", "the")]

    # %% solution
    given, right = words(answer), words(reference)
    if not given or not right:
        return float(given == right)
    shared = sum((Counter(given) & Counter(right)).values())
    return 2 * shared / (len(given) + len(right))
    # %% mistake: a word that occurs twice in both counts once; count it as often as both texts have it
    given, right = words(answer), words(reference)
    if not given or not right:
        return float(given == right)
    return 2 * len({*given} & {*right}) / (len(given) + len(right))
    # %% mistake: a word of the answer counts each time, even if the reference has it once
    given, right = words(answer), words(reference)
    if not given or not right:
        return float(given == right)
    return 2 * sum(word in right for word in given) / (len(given) + len(right))
    # %% mistake: this is the precision, which is high for a short answer; expected F1
    given, right = words(answer), words(reference)
    if not given or not right:
        return float(given == right)
    return sum((Counter(given) & Counter(right)).values()) / len(given)
    # %% mistake: this is the recall, which is high for a long answer; expected F1
    given, right = words(answer), words(reference)
    if not given or not right:
        return float(given == right)
    return sum((Counter(given) & Counter(right)).values()) / len(right)
    # %% mistake: the words are not normalized; compare words(answer) with words(reference)
    given, right = answer.split(), reference.split()
    if not given or not right:
        return float(given == right)
    return 2 * sum((Counter(given) & Counter(right)).values()) / (len(given) + len(right))
    # %% mistake: an empty text divides by 0; return 1 if both texts have no words, else 0
    given, right = words(answer), words(reference)
    shared = sum((Counter(given) & Counter(right)).values())
    precision, recall = shared / len(given), shared / len(right)
    return 2 * precision * recall / (precision + recall) if shared else 0.0
