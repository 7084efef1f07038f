"""Difference between the logits of two models, each run by the most independent code available."""

from __future__ import annotations

import contextlib
import gc
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.checkpoints.hf_folder import HUGGING_FACE, open_model_folder
from gpt_toolkit.checkpoints.stored_model import StoredModel, build_decoder
from gpt_toolkit.hardware import return_freed_memory

_N_WINDOWS, _N_POSITIONS = 3, 64  # tuned here: seconds for the largest GPT-2


@dataclass(frozen=True)
class Comparison:
    """Logits of a source and a result in float32, on the same windows of token ids.

    Attributes:
        largest_difference: Largest absolute difference between two logits.
        largest_logit: Largest absolute logit of the source.
        source_by, result_by: Program that ran the model.
        n_rows, n_positions: Number of windows, and tokens in each.
        source_finite, result_finite: Whether all logits are finite.
        exact_gelu_difference: Largest difference between the source with the exact GELU of its own code and
            with the tanh form; None if its own code uses the tanh form.
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

    def __str__(self) -> str:
        return (
            f"largest difference {self.largest_difference:.1e} (largest logit {self.largest_logit:.3g}) on "
            f"{self.n_rows} x {self.n_positions} tokens, in float32; source run by {self.source_by}, result "
            f"by {self.result_by}"
        )

    def to_fields(self) -> dict[str, Any]:
        """Return the fields as JSON values; a difference that is not finite is null."""
        fields = asdict(self) | {"computed_in": "float32"}
        return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in fields.items()}


def compare(source: StoredModel, result: Path) -> Comparison:
    """Run both models, one after the other; memory holds the weights of one, in float32.

    ``transformers`` runs each model in Hugging Face's layout, if it is installed. This toolkit runs the rest.

    Args:
        source: The converted model; its memory is released.
        result: The model folder that it was converted to.
    """
    input_ids = make_windows(source.config)
    source_logits, source_by = compute_logits(source, input_ids)
    exact = None
    if source.exact_gelu:
        _release(source)
        exact = _largest_difference(_run(source, input_ids, exact_gelu=True), source_logits)
    _release(source)
    result_logits, result_by = compute_logits(open_model_folder(result), input_ids)
    return Comparison(
        largest_difference=_largest_difference(source_logits, result_logits),
        largest_logit=float(source_logits.abs().max()),
        source_by=source_by,
        result_by=result_by,
        n_rows=input_ids.shape[0],
        n_positions=input_ids.shape[1],
        source_finite=bool(source_logits.isfinite().all()),
        result_finite=bool(result_logits.isfinite().all()),
        exact_gelu_difference=exact,
    )


def make_windows(config: DecoderConfig) -> Tensor:
    """Return token ids from all over the vocabulary, the same at each call.

    Returns:
        ``(B, T)``, int64.
    """
    n_positions = min(_N_POSITIONS, config.n_ctx)
    n = _N_WINDOWS * n_positions
    order = torch.arange(n) * 89 % n  # 89 is a prime and divides no n here: every number occurs once
    return (order * config.vocab_size // n).view(_N_WINDOWS, n_positions)


def compute_logits(model: StoredModel, input_ids: Tensor) -> tuple[Tensor, str]:
    """Return the logits of a model, and the program that computed them; the model's memory is released."""
    _release(model)
    reason = ""
    if model.layout.startswith(HUGGING_FACE):
        try:
            return _run_transformers(model.source, input_ids), f"transformers {version('transformers')}"
        except ImportError:
            pass
        except Exception as error:  # of any version of transformers; the comparison is still possible
            first_line = str(error).strip().partition("\n")[0]
            reason = f" (transformers could not: {type(error).__name__}: {first_line})"
    return _run(model, input_ids), f"gpt_toolkit {version('gpt-toolkit')}{reason}"


def _largest_difference(one: Tensor, other: Tensor) -> float:
    """Return the largest absolute difference, window by window to save memory; NaN if any logit is NaN."""
    return float(torch.stack([(a - b).abs().max() for a, b in zip(one, other, strict=True)]).max())


@torch.inference_mode()
def _run(model: StoredModel, input_ids: Tensor, *, exact_gelu: bool = False) -> Tensor:
    decoder = build_decoder(model.config, model.read(dtype=torch.float32))
    if exact_gelu:
        _use_exact_gelu(decoder)
    return decoder.logits(decoder(input_ids))


def _use_exact_gelu(decoder: Decoder) -> None:
    """Replace the input of each MLP's second map by the exact GELU of the first map's output."""
    outputs: dict[int, Tensor] = {}
    for layer, block in enumerate(decoder.h):
        mlp: Any = block.mlp
        mlp.c_fc.register_forward_hook(lambda _, __, output, layer=layer: outputs.update({layer: output}))
        mlp.c_proj.register_forward_pre_hook(lambda _, __, layer=layer: (F.gelu(outputs.pop(layer)),))


@torch.inference_mode()
def _run_transformers(folder: Path, input_ids: Tensor) -> Tensor:
    import transformers

    with silenced(transformers):
        model = transformers.AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, local_files_only=True, trust_remote_code=False
        )
        logits: Tensor = model.eval()(input_ids).logits
    return logits


def _release(model: StoredModel) -> None:
    model.release()
    gc.collect()  # parts of a module refer to each other
    return_freed_memory()


@contextlib.contextmanager
def silenced(transformers: Any) -> Iterator[None]:
    """Suppress progress bars and warnings, which are about training and generation."""
    logging = transformers.utils.logging
    verbosity, has_bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if has_bars:
            logging.enable_progress_bar()
