"""Low-rank adapters (Hu et al. 2021) on a decoder, with the library peft."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from typing import Any

from torch import nn

from gpt_toolkit.backbone import Decoder


@dataclass(frozen=True)
class LoRA:
    """Low-rank additions to a decoder's matrices, trained instead of the matrices (Hu et al. 2021, eq. 3).

    A matrix W acts as W + alpha / r · B A; only B and A are trained. Not in the papers: for models whose
    optimizer state is too large for the machine. Needs the library peft: ``pip install
    'gpt-toolkit[lora]'``.

    Args:
        r: Rank of the additions.
        alpha: Weight of the additions, times r.
        targets: Linear maps of each block that get an addition: ``c_attn``, ``c_fc``, ``c_proj`` (both of
            them), or by full name ``attn.c_proj``, ``mlp.c_proj``.
        dropout: Dropout before A.
    """

    r: int
    alpha: float
    targets: list[str] = field(default_factory=lambda: ["c_attn", "c_fc", "c_proj"])
    dropout: float = 0.0

    def __post_init__(self) -> None:
        problems = []
        if self.r < 1:
            problems.append(f"r: {self.r}; expected 1 or more")
        if not (self.alpha > 0 and math.isfinite(self.alpha)):
            problems.append(f"alpha: {self.alpha}; expected more than 0")
        if not 0.0 <= self.dropout < 1.0:
            problems.append(f"dropout: {self.dropout}; expected a probability below 1")
        if not self.targets:
            problems.append("targets: empty; expected at least one of c_attn, c_fc, c_proj")
        if problems:
            raise ValueError(f"LoRA: {'; '.join(problems)}")

    def require_library(self) -> None:
        """Raise if peft is not installed.

        Raises:
            ValueError: If it is missing; the message says how to install it.
        """
        if find_spec("peft") is None:
            raise ValueError(
                "model.lora: peft is not installed; expected it; run pip install 'gpt-toolkit[lora]', or "
                "leave lora out"
            )

    def adapt(self, decoder: Decoder, *, first_block: int, new_tokens: range) -> None:
        """Put adapters into a decoder and freeze the rest of it, except the embeddings of new tokens.

        The additions are 0 at first (B is 0), so hidden states do not change.

        Args:
            decoder: Changed in place.
            first_block: Index of the first block with adapters.
            new_tokens: Ids without trained embeddings; these embeddings are trained.

        Raises:
            ValueError: If a target is not a linear map of a block, or all blocks are frozen.
        """
        from peft import LoraConfig, inject_adapter_in_model

        inject_adapter_in_model(
            LoraConfig(
                r=self.r,
                lora_alpha=self.alpha,
                lora_dropout=self.dropout,
                target_modules=self._adapted(decoder, first_block),
                trainable_token_indices={"wte": list(new_tokens)} if new_tokens else None,
            ),
            decoder,
        )

    def _adapted(self, decoder: Decoder, first_block: int) -> list[str]:
        """Return the names of the linear maps that get an adapter."""
        blocks = list(decoder.h)[first_block:]
        if not blocks:
            raise ValueError(
                f"lora: all {len(decoder.h)} blocks are frozen; expected at least one to adapt; lower "
                "freeze_layers"
            )
        linear = [name for name, part in blocks[0].named_modules() if isinstance(part, nn.Linear)]
        for target in self.targets:
            if not any(f".{name}".endswith(f".{target}") for name in linear):
                known = sorted({name.rpartition(".")[2] for name in linear} | set(linear))
                raise ValueError(
                    f"lora.targets: {target!r} is not a linear map of a block; expected {', '.join(known)}"
                )
        chosen = [name for name in linear if any(f".{name}".endswith(f".{t}") for t in self.targets)]
        return [f"h.{layer}.{name}" for layer in range(first_block, len(decoder.h)) for name in chosen]

    def to_fields(self, *, first_block: int, new_tokens: range) -> dict[str, Any]:
        """Return the settings that a checkpoint stores, as plain types."""
        return {**asdict(self), "first_block": first_block, "new_tokens": list(new_tokens)}
