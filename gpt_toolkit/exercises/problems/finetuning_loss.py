"""Exercise gpt1-3.2b: the auxiliary loss of fine-tuning (GPT-1 §3.2, eqs. 4 and 5).

The paper: L3 = L2 + lambda L1. L2 is the loss of the classes. L1 is the language-model loss on the same
sequences, as an aid to learning. In the released code L1 of a sequence is the mean over its labels, so a long
sequence has the same weight as a short one. Both are means over the examples of the batch.

Example: L2 of 0.7 and 0.5, L1 of 3.0 and 4.0 and lambda 0.5 give 0.6 + 0.5 * 3.5 = 2.35.
"""

from torch import Tensor
from torch.nn import functional as F


def finetuning_loss(
    logits: Tensor, target: Tensor, token_losses: Tensor, n_labels: Tensor, lm_coef: float
) -> Tensor:
    """Return L3, in nats per example, as a scalar.

    Args:
        logits: (B, n), scores of the classes.
        target: (B,), int64, right class of each example.
        token_losses: (B, T), language-model loss of each position in nats; 0 where there is no label.
        n_labels: (B,), number of labels of each sequence.
        lm_coef: Weight of L1, lambda.
    """
    # %% solution
    l2 = F.cross_entropy(logits, target)
    l1 = (token_losses.sum(dim=1) / n_labels).mean()
    return l2 + lm_coef * l1
    # %% mistake: L1 is a mean over all labels of the batch, so long sequences weigh more; take the mean of
    # each sequence first
    return F.cross_entropy(logits, target) + lm_coef * token_losses.sum() / n_labels.sum()
    # %% mistake: L1 is divided by the padded length; expected the number of labels of each sequence
    return F.cross_entropy(logits, target) + lm_coef * token_losses.mean()
    # %% mistake: L1 of a sequence is a sum over its labels; expected their mean
    return F.cross_entropy(logits, target) + lm_coef * token_losses.sum(dim=1).mean()
    # %% mistake: the class loss is multiplied by lambda; expected L2 + lambda L1
    return lm_coef * F.cross_entropy(logits, target) + (token_losses.sum(dim=1) / n_labels).mean()
    # %% mistake: the class loss is multiplied by 1 - lambda; the paper adds lambda L1 to all of L2
    l1 = (token_losses.sum(dim=1) / n_labels).mean()
    return (1 - lm_coef) * F.cross_entropy(logits, target) + lm_coef * l1
    # %% mistake: the losses are summed over the examples; expected their mean
    l1 = (token_losses.sum(dim=1) / n_labels).sum()
    return F.cross_entropy(logits, target, reduction="sum") + lm_coef * l1
    # %% mistake: the language-model loss is missing; expected L2 + lambda L1
    return F.cross_entropy(logits, target)
