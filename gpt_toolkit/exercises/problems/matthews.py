"""Exercise gpt1-4.2: Matthews correlation, the metric of CoLA (GPT-1 §4.2, Table 4).

The paper reports 45.4 on CoLA in this metric ("mc"). 70% of CoLA's sentences are acceptable, so a
model that always says "acceptable" has a high accuracy. Its Matthews correlation is 0.

With the numbers of true positives (TP), true negatives (TN), false positives (FP) and false negatives (FN):

    (TP * TN - FP * FN) / sqrt((TP + FP) * (TP + FN) * (TN + FP) * (TN + FN))

If the denominator is 0, the result is 0.

Example: matthews([1, 1, 0, 0], [1, 0, 0, 0]) is 0.5774.
"""

import math


def matthews(predictions: list[int], labels: list[int]) -> float:
    """Return the Matthews correlation of predicted and right classes, from -1 to 1.

    Args:
        predictions: Predicted class of each sentence, 0 or 1.
        labels: Right class of each sentence, 0 or 1.
    """
    # %% solution
    pairs = list(zip(predictions, labels, strict=True))
    tp, tn, fp, fn = (pairs.count(pair) for pair in ((1, 1), (0, 0), (1, 0), (0, 1)))
    product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return (tp * tn - fp * fn) / math.sqrt(product) if product else 0.0
    # %% mistake: this is the accuracy, which is high for a constant answer
    return sum(p == q for p, q in zip(predictions, labels, strict=True)) / len(labels)
    # %% mistake: the root of the denominator is missing
    pairs = list(zip(predictions, labels, strict=True))
    tp, tn, fp, fn = (pairs.count(pair) for pair in ((1, 1), (0, 0), (1, 0), (0, 1)))
    product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return (tp * tn - fp * fn) / product if product else 0.0
    # %% mistake: a constant prediction divides by 0; return 0 if the denominator is 0
    pairs = list(zip(predictions, labels, strict=True))
    tp, tn, fp, fn = (pairs.count(pair) for pair in ((1, 1), (0, 0), (1, 0), (0, 1)))
    return (tp * tn - fp * fn) / math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    # %% mistake: this is F1, which does not count true negatives
    pairs = list(zip(predictions, labels, strict=True))
    tp, fp, fn = (pairs.count(pair) for pair in ((1, 1), (1, 0), (0, 1)))
    return 2 * tp / (2 * tp + fp + fn) if tp else 0.0
    # %% mistake: this is 100 times the correlation, as in tables; expected a number from -1 to 1
    pairs = list(zip(predictions, labels, strict=True))
    tp, tn, fp, fn = (pairs.count(pair) for pair in ((1, 1), (0, 0), (1, 0), (0, 1)))
    product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return 100 * (tp * tn - fp * fn) / math.sqrt(product) if product else 0.0
