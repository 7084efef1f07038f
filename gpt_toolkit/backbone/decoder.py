"""The decoder of both papers: token ids -> hidden states -> logits."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from gpt_toolkit.backbone.block import LAYER_NORM_EPS, Block, call_block, compiled_block
from gpt_toolkit.backbone.config import DecoderConfig
from gpt_toolkit.backbone.initialization import initialize
from gpt_toolkit.backbone.kv_cache import KeyValueCache


class Decoder(nn.Module):
    """A stack of masked self-attention blocks over token and position embeddings (GPT-1 eq. 2).

    A call returns hidden states; :meth:`logits` maps them to scores of the next token.

    Attribute names are those of OpenAI's released weights: ``wte`` token embeddings, ``wpe`` position
    embeddings, ``h`` blocks, ``ln_f`` the norm after the last block, which only GPT-2 has.

    Built inside ``with torch.device("meta")``, the decoder takes no memory and holds no values. Fill it with
    ``load_state_dict``, or with ``to_empty`` and
    :func:`~gpt_toolkit.backbone.initialization.initialize`.

    Args:
        config: Shape, dropout rates and initialization.

    Attributes:
        activation_checkpointing: Whether training stores only the input of each block and computes the block
            again for its gradients, with the same dropout (Chen et al., 2016).
        compile_blocks: Whether training calls blocks through torch.compile.
    """

    activation_checkpointing = False
    compile_blocks = False

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.config = config
        device = torch.get_default_device()
        with torch.device("meta"):  # spares torch's own initial draw, which initialize would overwrite
            self.wte = nn.Embedding(config.vocab_size, config.n_embd)
            self.wpe = nn.Embedding(config.n_ctx, config.n_embd)
            self.drop = nn.Dropout(config.embd_pdrop)
            self.h = nn.ModuleList(Block(config, layer) for layer in range(config.n_layer))
            final = config.norm == "pre"
            self.ln_f = nn.LayerNorm(config.n_embd, eps=LAYER_NORM_EPS) if final else nn.Identity()
        if device.type != "meta":
            self.to_empty(device=device)
            initialize(self, config)

    def forward(
        self, input_ids: Tensor, cache: KeyValueCache | None = None, positions: Tensor | None = None
    ) -> Tensor:
        """Return the hidden states of the last block, after ``ln_f`` where the decoder has one.

        Args:
            input_ids: ``(B, T)``, int64. With a cache, the positions after those that it holds.
            cache: Keys and values of earlier positions; extended in place.
            positions: ``(B, P)``, int64, within ``T``: the positions whose states to return. The last block
                computes these alone.

        Returns:
            ``(B, T, D)``, or ``(B, P, D)`` with ``positions``.

        Raises:
            ValueError: If past and new positions together exceed the context length.
        """
        length = input_ids.shape[1]
        past = 0 if cache is None else cache.length
        limit = self.config.n_ctx if cache is None else cache.capacity
        if past + length > limit:
            what = "context length" if limit == self.config.n_ctx else "cache capacity"
            raise ValueError(f"input_ids: {past + length} tokens; expected at most {limit}, the {what}")
        starts = None if cache is None else cache.positions
        places = self.wpe.weight[past : past + length] if starts is None else self.wpe(starts)[:, None]
        x = self.drop(self.wte(input_ids) + places)  # (B, T, D)
        last = self.config.n_layer - 1
        trains = cache is None and torch.is_grad_enabled()
        for layer, block in enumerate(self.h):
            wanted = positions if layer == last else None
            if not trains:
                x = block(x, cache, wanted)
                continue
            call = compiled_block() if self.compile_blocks else call_block
            if self.activation_checkpointing:
                x = checkpoint(call, block, x, wanted, use_reentrant=False)
            else:
                x = call(block, x, wanted)
        if cache is not None:
            cache.advance(length)
        return self.ln_f(x)  # type: ignore[no-any-return]

    def logits(self, hidden: Tensor) -> Tensor:
        """Return scores of the next token: the transposed token embeddings, no bias (GPT-1 eq. 2).

        Training does not call this: its losses take ``wte.weight`` and never hold all logits.

        Args:
            hidden: Hidden states, ``(..., D)``.

        Returns:
            ``(..., V)``.
        """
        return F.linear(hidden, self.wte.weight)
