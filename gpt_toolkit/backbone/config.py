"""The shape of a decoder, which every module of the backbone reads."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from gpt_toolkit.backbone.presets import preset

Norm = Literal["pre", "post"]
ResidualInit = Literal["scaled", "plain"]

# Tuned here: far above any model, and low enough that a wrong number in a file is refused at once.
_LARGEST = {"vocab_size": 1 << 24, "n_ctx": 1 << 24, "n_layer": 1 << 12, "n_head": 1 << 16, "n_embd": 1 << 16}


@dataclass(frozen=True)
class DecoderConfig:
    """Shape, dropout rates and initialization of a decoder.

    The two papers' models differ in values only: GPT-1 is ``norm="post"`` with plain initialization, GPT-2
    is ``norm="pre"`` with scaled residual projections; see :mod:`gpt_toolkit.backbone.presets`.

    Args:
        vocab_size: Number of token ids, V.
        n_ctx: Context length: the longest sequence, in tokens.
        n_layer: Number of blocks.
        n_head: Attention heads of a block, H; divides ``n_embd``.
        n_embd: Width of the hidden states, D.
        norm: Where the layer norms sit: ``post`` normalizes each sum (GPT-1 §4.1), ``pre`` each input, with
            one more norm after the last block (GPT-2 §2.3).
        embd_pdrop: Dropout rate of the embeddings.
        attn_pdrop: Dropout rate of the attention probabilities.
        resid_pdrop: Dropout rate of the outputs of attention and MLP.
        residual_init: ``scaled`` divides the initial standard deviation of the projections that write to the
            residual stream by the square root of their number, 2 n_layer (GPT-2 §2.3). ``plain`` does not
            (GPT-1).
        wpe_std: Initial standard deviation of the position embeddings (GPT-1 0.02; GPT-2's released code
            0.01).
    """

    vocab_size: int
    n_ctx: int
    n_layer: int
    n_head: int
    n_embd: int
    norm: Norm = "pre"
    embd_pdrop: float = 0.0
    attn_pdrop: float = 0.0
    resid_pdrop: float = 0.0
    residual_init: ResidualInit = "scaled"
    wpe_std: float = 0.01

    def __post_init__(self) -> None:
        problems = []
        for name, largest in _LARGEST.items():
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                problems.append(f"{name}: {value!r}; expected a whole number of at least 1")
            elif value > largest:
                problems.append(f"{name}: {value:,}; expected at most {largest:,}")
        if not problems and self.n_embd % self.n_head:
            near = [h for h in range(1, self.n_embd + 1) if self.n_embd % h == 0]
            near = sorted(sorted(near, key=lambda h: abs(h - self.n_head))[:4])
            problems.append(
                f"n_head: {self.n_head}; expected a divisor of n_embd {self.n_embd}, such as "
                f"{', '.join(map(str, near))}"
            )
        problems += [
            f"{name}: {getattr(self, name)}; expected a rate in [0, 1)"
            for name in ("embd_pdrop", "attn_pdrop", "resid_pdrop")
            if not 0.0 <= getattr(self, name) < 1.0
        ]
        if self.norm not in ("pre", "post"):
            problems.append(f"norm: {self.norm!r}; expected pre (GPT-2) or post (GPT-1)")
        if self.residual_init not in ("scaled", "plain"):
            problems.append(f"residual_init: {self.residual_init!r}; expected scaled or plain")
        if not self.wpe_std >= 0.0:
            problems.append(f"wpe_std: {self.wpe_std}; expected a standard deviation of at least 0")
        if problems:
            raise ValueError("decoder: " + "; ".join(problems))

    @classmethod
    def from_preset(cls, name: str, **fields: Any) -> DecoderConfig:
        """Return the shape of a preset, with the given fields changed.

        Raises:
            ValueError: If the preset or a field is unknown, or a required field is missing.
        """
        return cls.from_fields({**preset(name), **fields})

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> DecoderConfig:
        """Return a config from named fields, as in a YAML or a checkpoint.

        Raises:
            ValueError: If a field is unknown or one without a default is missing.
        """
        known = cls.__dataclass_fields__
        if unknown := sorted(set(fields) - set(known)):
            raise ValueError(f"decoder: unknown field {', '.join(unknown)}; expected {', '.join(known)}")
        needed = ("vocab_size", "n_ctx", "n_layer", "n_head", "n_embd")
        if missing := [name for name in needed if fields.get(name) is None]:
            raise ValueError(
                f"decoder: no {', '.join(missing)}; expected a value for each; give a preset or these fields"
            )
        return cls(**fields)

    def to_fields(self) -> dict[str, Any]:
        """Return the fields as plain types, for a checkpoint or a YAML."""
        return asdict(self)

    @property
    def head_width(self) -> int:
        """Width of one attention head, K."""
        return self.n_embd // self.n_head

    @property
    def n_params(self) -> int:
        """Exact number of parameters, the tied token matrix counted once."""
        d = self.n_embd
        final_norm = 2 * d if self.norm == "pre" else 0
        return (self.vocab_size + self.n_ctx) * d + self.n_layer * (12 * d * d + 13 * d) + final_norm

    @property
    def flops_per_token(self) -> int:
        """Training operations per token of a full context, see :meth:`flops_per_token_of`."""
        return self.flops_per_token_of(self.n_ctx)

    def flops_per_token_of(self, length: int) -> int:
        """Return the training operations per token, 6N + 12 n_layer n_embd T (PaLM, appendix B).

        N is the number of parameters without the position embeddings, which are not multiplied.

        Args:
            length: T, positions of a sequence.
        """
        n = self.n_params - self.n_ctx * self.n_embd
        return 6 * n + 12 * self.n_layer * self.n_embd * length
