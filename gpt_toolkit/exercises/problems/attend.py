"""Exercise gpt1-3.1c: masked scaled dot-product attention (GPT-1 §3.1, eq. 2).

The paper takes attention from the Transformer (Vaswani et al., 2017, eq. 1): softmax(Q K^T / sqrt(K)) V,
where K is the width of a head. A position attends to itself and to earlier positions only.

Use plain tensor operations, not F.scaled_dot_product_attention.

Example: position 0 sees itself alone, so its output is value[:, :, 0], whatever query and key are.
"""

import math

import torch
from torch import Tensor


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Return the mix of the values that each position sees, (B, H, T, K).

    Args:
        query: (B, H, T, K): batch, heads, positions, width of a head.
        key: (B, H, T, K).
        value: (B, H, T, K).
    """
    # %% solution
    length, width = query.shape[2:]
    scores = query @ key.transpose(2, 3) / math.sqrt(width)  # (B, H, T, T)
    future = torch.ones(length, length, dtype=torch.bool).triu(1)
    return scores.masked_fill(future, -math.inf).softmax(dim=3) @ value
    # %% mistake: the scores are not scaled; divide them by the square root of the head width
    future = torch.ones(query.shape[2], query.shape[2], dtype=torch.bool).triu(1)
    return (query @ key.transpose(2, 3)).masked_fill(future, -math.inf).softmax(dim=3) @ value
    # %% mistake: the scores are divided by the root of the model's width; expected that of one head, shape[3]
    length, width = query.shape[2], query.shape[1] * query.shape[3]
    scores = query @ key.transpose(2, 3) / math.sqrt(width)
    future = torch.ones(length, length, dtype=torch.bool).triu(1)
    return scores.masked_fill(future, -math.inf).softmax(dim=3) @ value
    # %% mistake: the scores are divided by the head width; expected its square root
    length, width = query.shape[2:]
    scores = query @ key.transpose(2, 3) / width
    future = torch.ones(length, length, dtype=torch.bool).triu(1)
    return scores.masked_fill(future, -math.inf).softmax(dim=3) @ value
    # %% mistake: the softmax runs over the queries; expected over the keys, the last dimension of the scores
    length, width = query.shape[2:]
    scores = query @ key.transpose(2, 3) / math.sqrt(width)
    future = torch.ones(length, length, dtype=torch.bool).triu(1)
    return scores.masked_fill(future, -math.inf).softmax(dim=2) @ value
    # %% mistake: the mask is applied after the softmax, so the weights of a position do not sum to 1; set the
    # scores of the future to -inf before the softmax
    length, width = query.shape[2:]
    weights = (query @ key.transpose(2, 3) / math.sqrt(width)).softmax(dim=3)
    future = torch.ones(length, length, dtype=torch.bool).triu(1)
    return weights.masked_fill(future, 0.0) @ value
    # %% mistake: the scores of the future are 0, which still has weight exp(0) = 1; set them to -inf
    length, width = query.shape[2:]
    scores = query @ key.transpose(2, 3) / math.sqrt(width)
    future = torch.ones(length, length, dtype=torch.bool).triu(1)
    return scores.masked_fill(future, 0.0).softmax(dim=3) @ value
    # %% mistake: the mask is missing; each position also sees the tokens that it has to predict
    return (query @ key.transpose(2, 3) / math.sqrt(query.shape[3])).softmax(dim=3) @ value
    # %% mistake: a position does not see itself, and position 0 sees nothing, which gives nan; mask later
    # positions only
    length, width = query.shape[2:]
    scores = query @ key.transpose(2, 3) / math.sqrt(width)
    hidden = torch.ones(length, length, dtype=torch.bool).triu()
    return scores.masked_fill(hidden, -math.inf).softmax(dim=3) @ value
