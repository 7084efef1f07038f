"""How far apart the logits of two models are, each run by the most independent code that is there."""

from __future__ import annotations

import contextlib
import gc
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.checkpoints import StoredModel, StoredTensor, open_model
from gpt_toolkit.checkpoints.model_folder import HUGGING_FACE
from gpt_toolkit.hardware import return_freed_memory

_ROWS, _POSITIONS = 3, 64
"""Of the windows that are compared; ours: seconds for the largest GPT-2, ids from all over the vocabulary."""


@dataclass(frozen=True)
class Comparison:
    """Logits of a source and a result, in float32, on the same windows of token ids.

    Attributes:
        largest_difference: Between any two logits.
        largest_logit: Of the source, regardless of its sign.
        source_by: What ran the source.
        result_by: What ran the result.
        n_rows: Windows.
        n_positions: Length of each, in tokens.
        source_finite: Whether all logits of the source are numbers.
        result_finite: Whether all logits of the result are.
        exact_gelu_difference: Between the source run as by its own code, with the exact GELU, and run by us,
            with the tanh form; None where its own is the tanh form too.
        transformers: Its version, if it ran any of the two.
    """

    largest_difference: float
    largest_logit: float
    source_by: str
    result_by: str
    n_rows: int
    n_positions: int
    source_finite: bool
    result_finite: bool
    exact_gelu_difference: float | None
    transformers: str | None

    def to_fields(self) -> dict[str, Any]:
        """For the record, in JSON's types: a difference that is no number is null."""
        fields = asdict(self) | {"computed_in": "float32"}
        del fields["transformers"]
        return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in fields.items()}


def compare(source: StoredModel, result: Path) -> Comparison:
    """Run both, one after the other; memory holds the weights of one of them at most, in float32.

    The result is run by ``transformers`` where it is installed, the source too if it is in Hugging Face's
    layout; what ``transformers`` does not run is run by our decoder.

    Args:
        source: What was converted; what it holds in memory is let go.
        result: The model folder that was made of it.
    """
    input_ids = windows(source.config)
    source_logits, source_by = _logits(source, input_ids)
    exact = None
    if source.exact_gelu:
        _let_go(source)
        exact = _largest(_by_us(source, input_ids, exact_gelu=True), source_logits)
    source.release()
    result_logits, result_by = _logits(open_model(result), input_ids)
    by_transformers = "transformers" in source_by + result_by
    return Comparison(
        largest_difference=_largest(source_logits, result_logits),
        largest_logit=float(source_logits.abs().max()),
        source_by=source_by,
        result_by=result_by,
        n_rows=input_ids.shape[0],
        n_positions=input_ids.shape[1],
        source_finite=bool(source_logits.isfinite().all()),
        result_finite=bool(result_logits.isfinite().all()),
        exact_gelu_difference=exact,
        transformers=version("transformers") if by_transformers else None,
    )


def windows(config: DecoderConfig) -> Tensor:
    """Token ids from all over the vocabulary, the same at each call.

    Returns:
        ``(B, T)``, int64.
    """
    n_positions = min(_POSITIONS, config.n_ctx)
    n = _ROWS * n_positions
    order = torch.arange(n) * 89 % n  # 89 is a prime and divides no n here: every number comes once
    return (order * config.vocab_size // n).view(_ROWS, n_positions)


def _largest(one: Tensor, other: Tensor) -> float:
    """The largest difference, found row by row; not a number if any is not."""
    return float(torch.stack([(a - b).abs().max() for a, b in zip(one, other, strict=True)]).max())


def _logits(model: StoredModel, input_ids: Tensor) -> tuple[Tensor, str]:
    """Logits of a model, and who made them; what it holds in memory is let go first."""
    _let_go(model)
    because = ""
    if model.layout.startswith(HUGGING_FACE):
        try:
            return _by_transformers(model.source, input_ids), f"transformers {version('transformers')}"
        except ImportError:
            pass
        except Exception as error:  # any version of it, with any fault: the comparison is still to be made
            reason = str(error).strip().partition("\n")[0]
            because = f" (transformers could not: {type(error).__name__}: {reason})"
    return _by_us(model, input_ids), f"gpt_toolkit {version('gpt-toolkit')}{because}"


@torch.inference_mode()
def _by_us(model: StoredModel, input_ids: Tensor, *, exact_gelu: bool = False) -> Tensor:
    """Logits by our decoder, whose blocks are read when it is their turn, and dropped after it."""
    with torch.device("meta"):
        decoder = Decoder(model.config).eval()
    outside = {name: tensor for name, tensor in model.tensors.items() if not name.startswith("h.")}
    decoder.load_state_dict(_read(outside), strict=False, assign=True)
    for layer, block in enumerate(decoder.h):
        _read_in_turn(block, f"h.{layer}.", model.tensors)
    if exact_gelu:
        _use_exact_gelu(decoder)
    return decoder.logits(decoder(input_ids))


def _read_in_turn(block: nn.Module, prefix: str, tensors: Mapping[str, StoredTensor]) -> None:
    inside = {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}

    def fill(block: nn.Module, _: object) -> None:
        block.load_state_dict(_read(inside), assign=True)

    def empty(block: nn.Module, _: object, __: object) -> None:
        block.to("meta")

    block.register_forward_pre_hook(fill)
    block.register_forward_hook(empty)


def _read(tensors: Mapping[str, StoredTensor]) -> dict[str, Tensor]:
    return {name: tensor.to(torch.float32).read() for name, tensor in tensors.items()}


def _use_exact_gelu(decoder: Decoder) -> None:
    """Give each MLP's second map the exact GELU of what its first one made."""
    made: dict[int, Tensor] = {}

    def keep(layer: int, output: Tensor) -> None:
        made[layer] = output

    for layer, block in enumerate(decoder.h):
        mlp: Any = block.mlp
        mlp.c_fc.register_forward_hook(lambda _, __, output, layer=layer: keep(layer, output))
        mlp.c_proj.register_forward_pre_hook(lambda _, __, layer=layer: (F.gelu(made.pop(layer)),))


@torch.inference_mode()
def _by_transformers(folder: Path, input_ids: Tensor) -> Tensor:
    import transformers

    with _silenced(transformers):
        model = transformers.AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, local_files_only=True, trust_remote_code=False
        )
        logits: Tensor = model.eval()(input_ids).logits
    return logits


def _let_go(model: StoredModel) -> None:
    """Return the memory that a model took, and those before it."""
    model.release()
    gc.collect()  # parts of a module refer to each other
    return_freed_memory()


@contextlib.contextmanager
def _silenced(transformers: Any) -> Iterator[None]:
    """Without its bars and warnings, which are about training and generation."""
    logging = transformers.utils.logging
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
