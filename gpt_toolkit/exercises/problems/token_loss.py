"""Exercise gpt1-3.1: the loss as a sum and a count (GPT-1 §3.1, eq. 1).

The paper: pre-training maximizes the sum over all tokens of log P(token | the tokens before it).

labels[n] is already the token after position n. The label -100 means: no loss at this position. The sum and
the count are returned separately. A step adds those of all its micro-batches and divides once, so that every
token has the same weight.

Example: logits [[0, 0], [0, 0]] with labels [1, -100] give (0.6931, 1), because -ln(1/2) = 0.6931.
"""

import math

from torch import Tensor
from torch.nn import functional as F


def token_loss(logits: Tensor, labels: Tensor) -> tuple[Tensor, int]:
    """Return the summed negative log-likelihood of the labels in nats, and the number of labels.

    Args:
        logits: (N, V), scores of the next token at N positions.
        labels: (N,), int64, the next token, or -100.
    """
    # %% solution
    total = F.cross_entropy(logits, labels, ignore_index=-100, reduction="sum")
    return total, int((labels != -100).sum())
    # %% mistake: this is the mean over the labels, not their sum; divided per micro-batch, a token of a small
    # micro-batch would weigh more than one of a large micro-batch
    return F.cross_entropy(logits, labels, ignore_index=-100), int((labels != -100).sum())
    # %% mistake: the count includes positions with the label -100, which have no loss
    return F.cross_entropy(logits, labels, ignore_index=-100, reduction="sum"), len(labels)
    # %% mistake: the labels are shifted once more; labels[n] is already the token after position n
    total = F.cross_entropy(logits[:-1], labels[1:], ignore_index=-100, reduction="sum")
    return total, int((labels[1:] != -100).sum())
    # %% mistake: the loss is in bits (logarithm to base 2); expected nats (natural logarithm)
    total = F.cross_entropy(logits, labels, ignore_index=-100, reduction="sum")
    return total / math.log(2), int((labels != -100).sum())
    # %% mistake: the softmax is applied twice; cross_entropy takes logits, not probabilities
    total = F.cross_entropy(logits.softmax(dim=-1), labels, ignore_index=-100, reduction="sum")
    return total, int((labels != -100).sum())
    # %% mistake: the logarithm is missing; the loss of a label is -log of its probability
    total = F.nll_loss(logits.softmax(dim=-1), labels, ignore_index=-100, reduction="sum")
    return total, int((labels != -100).sum())
