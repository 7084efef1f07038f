"""Exercise gpt1-3.2: class scores from the extract token (GPT-1 §3.2, eq. 3).

The paper: the last block's state of a sequence's last token goes through one linear layer, whose softmax
gives the classes. The last token is the extract token.

Sequences in a batch have unequal lengths and are padded on the right.

Example: with lengths [3, 5], the head reads hidden[0, 2] and hidden[1, 4].
"""

from collections.abc import Callable

import torch
from torch import Tensor


def class_logits(hidden: Tensor, lengths: Tensor, head: Callable[[Tensor], Tensor]) -> Tensor:
    """Return the scores of the classes, (B, n).

    Args:
        hidden: (B, T, D), states of the last block, padding included.
        lengths: (B,), int64, tokens of each sequence without padding.
        head: The linear layer, (B, D) to (B, n).
    """
    # %% solution
    return head(hidden[torch.arange(len(hidden)), lengths - 1])
    # %% mistake: the head reads the last column, which is padding in a shorter sequence; use lengths
    return head(hidden[:, -1])
    # %% mistake: the head reads one position after the extract token; the last of n tokens has index n - 1
    return head(hidden[torch.arange(len(hidden)), lengths % hidden.shape[1]])
    # %% mistake: the index lengths is one too high; the last of n tokens has index n - 1
    return head(hidden[torch.arange(len(hidden)), lengths])
    # %% mistake: the head reads the first token, which has seen nothing but itself
    return head(hidden[:, 0])
    # %% mistake: the head reads the mean over all positions; the paper reads the extract token alone
    return head(hidden.mean(dim=1))
    # %% mistake: these are probabilities; expected logits, without the softmax
    return head(hidden[torch.arange(len(hidden)), lengths - 1]).softmax(dim=-1)
