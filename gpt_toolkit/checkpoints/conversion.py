"""A conversion of weights: read, write, compare, and leave a record; or leave nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from gpt_toolkit.backbone import DecoderConfig
from gpt_toolkit.checkpoints import StoredModel, StoredTensor, open_model
from gpt_toolkit.checkpoints.compare_logits import Comparison, compare
from gpt_toolkit.checkpoints.folder_writer import WEIGHTS, check_free, drafted_folder, write_model_files
from gpt_toolkit.progress import ProgressBar
from gpt_toolkit.tokenizers.gpt1_bpe import GPT1BPE
from gpt_toolkit.tokenizers.loading import Tokenizer, load_tokenizer, tokenizer_of

_RECORD = "conversion.json"
_PIECE = 1 << 24
"""Bytes hashed at a time; ours."""
_MUCH = 1e-3
"""Of the largest logit: more than rounding makes in float32, less than a misplaced tensor; ours."""


@dataclass(frozen=True)
class _Plan:
    """What is to be written.

    Attributes:
        model: Where from.
        tensors: Its tensors, in the types that they are to be written in.
        tokenizer: The model's, if there is one.
        notes: What somebody who uses the result must know.
    """

    model: StoredModel
    tensors: Mapping[str, StoredTensor]
    tokenizer: Tokenizer | None
    notes: tuple[str, ...]

    @property
    def source_dtype(self) -> torch.dtype:
        """Type of the source's weights; of the token embeddings where it has several."""
        return self.model.tensors["wte.weight"].dtype

    @property
    def dtype(self) -> torch.dtype:
        """Type of the result's weights; of the token embeddings where it has several."""
        return self.tensors["wte.weight"].dtype

    @property
    def rounds(self) -> bool:
        """Whether any of the result's weights has fewer digits or a smaller range than the source's."""
        return any(
            torch.promote_types(tensor.dtype, self.model.tensors[name].dtype) != tensor.dtype
            for name, tensor in self.tensors.items()
        )


def convert(
    src: str, dst: Path, *, dtype: str | None = None, tokenizer: str | None = None, overwrite: bool = False
) -> Comparison:
    """Make a model folder of a model, print what was done, and how far the logits are apart.

    Tensors are read and written one after another; then source and result are run one after the other: memory
    holds the weights once.

    Args:
        src: Where the model is, as :func:`~gpt_toolkit.checkpoints.open_model` takes it.
        dst: The folder to make.
        dtype: Name of the type of the weights; the source's own unless given.
        tokenizer: The tokenizer, as :func:`~gpt_toolkit.tokenizers.load_tokenizer` takes it, or ``none``; the
            source's own unless given.
        overwrite: Replace a model folder that is there.

    Raises:
        FileNotFoundError: If there is no such model.
        FileExistsError: If DST is there and is not to be replaced.
        ValueError: If SRC is damaged or not implemented, DST would touch it, or the result is not its equal.
        OSError: If DST cannot be written; nothing is left of it then.
    """
    dst = dst.expanduser().resolve()
    _check_apart(Path(src).expanduser().resolve(), dst)
    check_free(dst, overwrite=overwrite)
    plan = _plan(open_model(src), dtype, tokenizer)
    model = plan.model
    print(f"read    {src}: {model.layout}")
    print(f"        {_shape(model.config)}, {_name(plan.source_dtype)}")
    for note in plan.notes:
        print(f"note    {note}")
    before = _states(model.files)
    source_hashes = _hashes(model.files, "hashing the source", model.source)
    with drafted_folder(dst, overwrite=overwrite) as draft:
        _write(draft, plan)
        comparison = compare(model, draft)
        _check_equal(comparison, rounds=plan.rounds, dtype=plan.dtype)
        result_hashes = _hashes((draft / WEIGHTS,), "hashing the result", draft)
        record = _record(src, plan, comparison, source_hashes, result_hashes)
        (draft / _RECORD).write_text(
            json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )
        if _states(model.files) != before:
            raise ValueError(f"{src}: was changed while it was converted; convert it again, or a copy of it")
    print(f"wrote   {dst}: {(dst / WEIGHTS).stat().st_size / 1e6:,.1f} MB in {_name(plan.dtype)}")
    print(f"logits  {_told(comparison)}")
    if comparison.exact_gelu_difference is not None:
        exact = comparison.exact_gelu_difference
        print(f"        the source run with the exact GELU, as by its own code, is {exact:.1e} away")
    if plan.rounds:
        print(f"        the weights were rounded to {_name(plan.dtype)}: that is the difference")
    if plan.tokenizer is not None:
        print(f"next: gpt-toolkit generate {dst}")
    return comparison


def _check_apart(src: Path, dst: Path) -> None:
    """SRC is not to be touched: DST must neither be it, nor lie in it, nor hold it."""
    if not src.exists():
        return  # a hub id, or nothing
    if src == dst:
        raise ValueError(f"{dst}: is both SRC and DST; give another folder for the result")
    if src in dst.parents:
        raise ValueError(f"{dst}: lies in SRC, which is left as it is; give a folder elsewhere")
    if dst in src.parents:
        raise ValueError(f"{dst}: holds SRC, which is left as it is; give a folder elsewhere")


def _plan(model: StoredModel, dtype: str | None, chosen: str | None) -> _Plan:
    tokenizer = _tokenizer(model, chosen)
    vocab_size, notes = model.config.vocab_size, list(model.notes)
    if tokenizer is None:
        notes.append(
            "there is no tokenizer: the result is of use by token ids only, until its files are added"
        )
    elif tokenizer.vocab_size > vocab_size:
        raise ValueError(
            f"{model.source}: the tokenizer {tokenizer.name} has {tokenizer.vocab_size:,} ids, the model "
            f"embeds {vocab_size:,}; they do not belong together; give the model's own by --tokenizer"
        )
    elif tokenizer.vocab_size < vocab_size:
        notes.append(
            f"the vocabulary is padded: {vocab_size:,} rows for the {tokenizer.vocab_size:,} ids of its "
            "tokenizer; all rows are kept, so that every logit is the same"
        )
    elif isinstance(tokenizer, GPT1BPE):
        notes.append(
            "transformers' AutoTokenizer gives the same ids unless GPT-1's own cleaning changes the text "
            "(curly quotes, ellipses): encode such text here, or clean it before"
        )
    wanted = None if dtype is None else getattr(torch, dtype)
    tensors = {name: tensor.to(wanted) for name, tensor in model.tensors.items()}
    return _Plan(model, tensors, tokenizer, tuple(notes))


def _tokenizer(model: StoredModel, chosen: str | None) -> Tokenizer | None:
    if chosen == "none":
        return None
    if chosen is not None:
        return load_tokenizer(chosen)
    way_out = "give the model's tokenizer by --tokenizer, or --tokenizer none to leave it out"
    try:
        return tokenizer_of(model.tokenizer, str(model.source))
    except OSError as error:
        raise OSError(f"{error} Or {way_out}.") from None
    except ValueError as error:
        raise ValueError(f"{error}; {way_out}") from None


def _write(draft: Path, plan: _Plan) -> None:
    files: dict[str, str] = {}
    extra: dict[str, Any] = {}
    if plan.tokenizer is not None:
        files = dict(plan.tokenizer.files())
        extra = dict.fromkeys(("bos_token_id", "eos_token_id"), plan.tokenizer.end_of_text)
    n_bytes = sum(tensor.n_bytes for tensor in plan.tensors.values())
    done = 0
    with ProgressBar("writing") as progress:

        def advance(n: int) -> None:
            nonlocal done
            done += n
            progress.advance(n, done / n_bytes)

        write_model_files(draft, plan.model.config, plan.tensors, files, extra=extra, advance=advance)


def _hashes(paths: tuple[Path, ...], title: str, root: Path) -> dict[str, str]:
    """SHA-256 of each file, by its name within the source."""
    total, done = max(1, sum(path.stat().st_size for path in paths)), 0
    hashes = {}
    with ProgressBar(title) as progress:
        for path in paths:
            digest = hashlib.sha256()
            with path.open("rb") as file:
                while piece := file.read(_PIECE):
                    digest.update(piece)
                    done += len(piece)
                    progress.advance(len(piece), done / total)
            name = path.relative_to(root) if root in path.parents else path.name
            hashes[Path(name).as_posix()] = digest.hexdigest()
    return hashes


def _states(paths: tuple[Path, ...]) -> list[tuple[int, int]]:
    return [(stat.st_size, stat.st_mtime_ns) for stat in (path.stat() for path in paths)]


def _check_equal(comparison: Comparison, *, rounds: bool, dtype: torch.dtype) -> None:
    """Refuse a result that is not the source's equal, as far as its type allows."""
    if comparison.source_finite and not comparison.result_finite:
        raise ValueError(
            f"{_name(dtype)} does not hold these weights: the result's logits are not finite; give --dtype "
            "bfloat16 or float32"
        )
    if not rounds and comparison.largest_difference > _MUCH * max(1.0, comparison.largest_logit):
        raise ValueError(
            f"the result's logits differ from the source's, so nothing was kept: {_told(comparison)}"
        )


def _record(
    src: str,
    plan: _Plan,
    comparison: Comparison,
    source_hashes: dict[str, str],
    result_hashes: dict[str, str],
) -> dict[str, Any]:
    return {
        "source": src,
        "layout": plan.model.layout,
        "source_sha256": source_hashes,
        "sha256": result_hashes,
        "n_params": plan.model.config.n_params,
        "source_dtype": _name(plan.source_dtype),
        "dtype": _name(plan.dtype),
        "tokenizer": None if plan.tokenizer is None else plan.tokenizer.name,
        "logits": comparison.to_fields(),
        "notes": list(plan.notes),
        "versions": {
            "gpt_toolkit": version("gpt-toolkit"),
            "torch": str(torch.__version__),
            "transformers": comparison.transformers,
        },
    }


def _told(comparison: Comparison) -> str:
    return (
        f"largest difference {comparison.largest_difference:.1e} (largest logit "
        f"{comparison.largest_logit:.3g}) on {comparison.n_rows} x {comparison.n_positions} tokens, in "
        f"float32; source run by {comparison.source_by}, result by {comparison.result_by}"
    )


def _shape(config: DecoderConfig) -> str:
    whose = "GPT-2" if config.norm == "pre" else "GPT-1"
    return (
        f"{whose}: {config.n_layer} layers, {config.n_head} heads, n_embd {config.n_embd}, context "
        f"{config.n_ctx:,}, {config.vocab_size:,} tokens; {config.n_params:,} parameters"
    )


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
