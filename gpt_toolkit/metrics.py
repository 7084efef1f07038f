"""Loss over a whole split, and the units it can be told in."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torchmetrics import Metric


class MeanTokenLoss(Metric):
    """Mean negative log-likelihood in nats per token, over any number of batches and ranks.

    Sums and counts are kept in float64 and added over ranks, so uneven batches weigh as they should.
    """

    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, loss_sum: Tensor, count: Tensor | int) -> None:
        """Add a batch: its summed loss in nats and the number of labels in it."""
        self.total += loss_sum.detach().to(self.total.dtype)
        self.count += count

    def compute(self) -> Tensor:
        """Nats per token."""
        return self.total / self.count


def perplexity(nats_per_token: float) -> float:
    """Perplexity per token; infinite where the exponential overflows."""
    return math.exp(nats_per_token) if nats_per_token < 700 else math.inf


def bits_per_byte(nats_per_token: float, bytes_per_token: float) -> float:
    """Bits per UTF-8 byte of text: comparable between tokenizers, which perplexity per token is not."""
    return nats_per_token / (bytes_per_token * math.log(2))
