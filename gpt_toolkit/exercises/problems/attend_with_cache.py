"""Exercise gpt2-3.6b: generation with cached keys and values (GPT-2 §3.6; released code, sample.py: past).

The paper generates 100 tokens for a summary. A new token does not change the keys and values of the tokens
before it, because attention is masked. So they are stored, and each step computes one position only.

Example: at the first token the cache is empty (P = 0), and the output is the new value itself.
"""

import math

import torch
from torch import Tensor


def attend_with_cache(
    query: Tensor, key: Tensor, value: Tensor, keys: Tensor, values: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the output of the newest token, (B, H, 1, K), and the longer keys and values, (B, H, P + 1, K).

    Args:
        query: (B, H, 1, K), of the newest token.
        key: (B, H, 1, K), of the newest token.
        value: (B, H, 1, K), of the newest token.
        keys: (B, H, P, K), of the P tokens before it, the first one first.
        values: (B, H, P, K), of the P tokens before it.
    """
    # %% solution
    keys, values = torch.cat([keys, key], dim=2), torch.cat([values, value], dim=2)
    weights = (query @ keys.transpose(2, 3) / math.sqrt(query.shape[3])).softmax(dim=3)  # (B, H, 1, P + 1)
    return weights @ values, keys, values
    # %% mistake: the newest token does not see itself: append its key and value before attending
    weights = (query @ keys.transpose(2, 3) / math.sqrt(query.shape[3])).softmax(dim=3)
    return weights @ values, torch.cat([keys, key], dim=2), torch.cat([values, value], dim=2)
    # %% mistake: the cache does not grow; return keys and values with those of the newest token
    every_key, every_value = torch.cat([keys, key], dim=2), torch.cat([values, value], dim=2)
    weights = (query @ every_key.transpose(2, 3) / math.sqrt(query.shape[3])).softmax(dim=3)
    return weights @ every_value, keys, values
    # %% mistake: the newest token stands before the others; append it at the end, position by position
    keys, values = torch.cat([key, keys], dim=2), torch.cat([value, values], dim=2)
    weights = (query @ keys.transpose(2, 3) / math.sqrt(query.shape[3])).softmax(dim=3)
    return weights @ values, keys, values
    # %% mistake: the newest token attends to itself alone; the tokens before it are in keys and values
    return value, torch.cat([keys, key], dim=2), torch.cat([values, value], dim=2)
    # %% mistake: the scores are not scaled; divide them by the square root of the head width
    keys, values = torch.cat([keys, key], dim=2), torch.cat([values, value], dim=2)
    return (query @ keys.transpose(2, 3)).softmax(dim=3) @ values, keys, values
    # %% mistake: keys and values are returned in the wrong order; expected output, keys, values
    keys, values = torch.cat([keys, key], dim=2), torch.cat([values, value], dim=2)
    weights = (query @ keys.transpose(2, 3) / math.sqrt(query.shape[3])).softmax(dim=3)
    return weights @ values, values, keys
    # %% mistake: the new key and value are joined along the heads; expected along the positions, dim=2
    keys, values = torch.cat([keys, key], dim=1), torch.cat([values, value], dim=1)
    weights = (query @ keys.transpose(2, 3) / math.sqrt(query.shape[3])).softmax(dim=3)
    return weights @ values, keys, values
