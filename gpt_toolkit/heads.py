"""Hidden states -> logits."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class LanguageModelHead(nn.Module):
    """Scores of the next token: the transposed token embeddings, no bias (GPT-1 eq. 2).

    It owns no parameter: ``weight`` *is* the embedding's, also after the embedding has moved to another
    device or was filled from the meta device, and a state dict holds the matrix once.

    Args:
        tied_to: The decoder's token embeddings.

    Shape:
        ``(B, T, D)`` to ``(B, T, V)``.
    """

    def __init__(self, tied_to: nn.Embedding) -> None:
        super().__init__()
        self._tied_to = (tied_to,)  # in a tuple, so that it is not registered a second time

    @property
    def weight(self) -> nn.Parameter:
        """``(V, D)``: the token embeddings themselves."""
        return self._tied_to[0].weight  # type: ignore[return-value]

    def forward(self, hidden: Tensor) -> Tensor:
        return F.linear(hidden, self.weight)
