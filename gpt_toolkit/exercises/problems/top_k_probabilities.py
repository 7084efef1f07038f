"""Exercise gpt2-3.6: top-k sampling with temperature (GPT-2 §3.6).

The paper writes a summary as "100 tokens with Top-k random sampling [...] with k = 2": only the k likeliest
tokens can be drawn. Before the softmax the logits are divided by the temperature; below 1 the likeliest
tokens become likelier. Tokens with the same logit as the k-th one can be drawn, too. k = 0 allows all
tokens.

Example: logits [[2, 1, 0]], k = 2 and temperature 1 give [[0.7311, 0.2689, 0]].
"""

import math

import torch
from torch import Tensor


def top_k_probabilities(logits: Tensor, k: int, temperature: float) -> Tensor:
    """Return the probability with which each token is drawn, (B, V); each row sums to 1.

    Args:
        logits: (B, V).
        k: Number of likeliest tokens to draw from; 0 for all.
        temperature: Divisor of the logits, more than 0.
    """
    # %% solution
    logits = logits / temperature
    if k > 0:
        smallest = logits.topk(k).values[:, -1:]  # (B, 1)
        logits = logits.masked_fill(logits < smallest, -math.inf)
    return logits.softmax(dim=-1)
    # %% mistake: tokens outside the top k get the logit 0, which still has weight exp(0) = 1; use -inf
    logits = logits / temperature
    if k > 0:
        logits = logits.masked_fill(logits < logits.topk(k).values[:, -1:], 0.0)
    return logits.softmax(dim=-1)
    # %% mistake: the probabilities do not sum to 1: apply the softmax after tokens were removed, or divide by
    # the sum
    probabilities = (logits / temperature).softmax(dim=-1)
    if k > 0:
        smallest = probabilities.topk(k).values[:, -1:]
        probabilities = probabilities.masked_fill(probabilities < smallest, 0.0)
    return probabilities
    # %% mistake: the logits are multiplied by the temperature; expected divided, so that below 1 is sharper
    logits = logits * temperature
    if k > 0:
        logits = logits.masked_fill(logits < logits.topk(k).values[:, -1:], -math.inf)
    return logits.softmax(dim=-1)
    # %% mistake: the temperature has no effect; divide the logits by it
    if k > 0:
        logits = logits.masked_fill(logits < logits.topk(k).values[:, -1:], -math.inf)
    return logits.softmax(dim=-1)
    # %% mistake: the k-th likeliest token is excluded; keep logits that are at least the k-th
    logits = logits / temperature
    if k > 0:
        logits = logits.masked_fill(logits <= logits.topk(k).values[:, -1:], -math.inf)
    return logits.softmax(dim=-1)
    # %% mistake: ties with the k-th token are excluded; compare values, not ranks
    logits = logits / temperature
    if k > 0:
        values, ids = logits.topk(k)
        logits = torch.full_like(logits, -math.inf).scatter(1, ids, values)
    return logits.softmax(dim=-1)
    # %% mistake: k = 0 allows no token; expected all of them
    logits = logits / temperature
    smallest = (
        logits.sort(descending=True).values[:, k - 1 : k] if k else logits.amax(dim=1, keepdim=True) + 1
    )
    return logits.masked_fill(logits < smallest, -math.inf).softmax(dim=-1)
