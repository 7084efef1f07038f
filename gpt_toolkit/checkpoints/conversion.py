"""Conversion of weights into a model folder: read, write, compare, and record it; or leave nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from gpt_toolkit.backbone import DecoderConfig
from gpt_toolkit.checkpoints.compare_logits import Comparison, compare
from gpt_toolkit.checkpoints.compare_tokenizers import compare_tokenizers
from gpt_toolkit.checkpoints.hf_config import token_id_fields
from gpt_toolkit.checkpoints.hf_folder import (
    CONFIG,
    HUGGING_FACE,
    WEIGHTS,
    check_replaceable,
    new_model_folder,
    write_model_files,
)
from gpt_toolkit.checkpoints.model_card import AGREEMENT, card_files, without_folders
from gpt_toolkit.checkpoints.model_sources import open_model
from gpt_toolkit.checkpoints.stored_model import LazyTensor, StoredModel
from gpt_toolkit.checkpoints.torch_pickle import file_version
from gpt_toolkit.io import read_json, write_json, write_text
from gpt_toolkit.progress import ProgressBar
from gpt_toolkit.tokenizers.added_tokens import GENERATION_CONFIG
from gpt_toolkit.tokenizers.gpt1_bpe import GPT1BPE
from gpt_toolkit.tokenizers.loading import Tokenizer, load_tokenizer, tokenizer_of

_RECORD = "conversion.json"
_PIECE = 1 << 24  # bytes in one reading
_TOLERANCE = 1e-3
"""Largest difference, relative to the largest logit. Tuned here: more than rounding causes in float32, less
than a misplaced tensor does."""


def convert(
    src: str,
    dst: Path,
    *,
    dtype: str | None = None,
    tokenizer: str | None = None,
    overwrite: bool = False,
    reports: Sequence[Path] = (),
    name: str | None = None,
) -> Comparison:
    """Convert a model into a model folder; print the result and the difference of the logits.

    Tensors are read and written one after another. Then source and result run one after the other. Memory
    holds the weights once.

    Args:
        src: The model, as :func:`~gpt_toolkit.checkpoints.open_model` takes it.
        dst: The folder to write.
        dtype: Name of the dtype of the weights; the source's if None.
        tokenizer: The tokenizer, as :func:`~gpt_toolkit.tokenizers.load_tokenizer` takes it, or ``none``; the
            source's if None.
        overwrite: Replace an existing model folder.
        reports: Reports of ``gpt-toolkit zero-shot --output`` for the model card.
        name: Name of the model on its card; the folder's if None.

    Raises:
        FileNotFoundError: If the model does not exist.
        FileExistsError: If DST exists and ``overwrite`` is not set.
        ValueError: If SRC is damaged or not implemented, DST would change it, or the logits differ.
        OSError: If DST cannot be written; nothing is left of it then.
    """
    dst = dst.expanduser().resolve()
    _check_separate(Path(src).expanduser().resolve(), dst)
    check_replaceable(dst, overwrite=overwrite)
    model = open_model(src)
    found = _tokenizer(model, tokenizer)
    notes = [*model.notes, *_tokenizer_notes(model, found)]
    scores = [_read_scores(path, model, found) for path in reports]
    wanted = None if dtype is None else getattr(torch, dtype)
    tensors = {name: tensor.to(wanted) for name, tensor in model.tensors.items()}
    result_dtype = _name(tensors["wte.weight"].dtype)
    is_rounded = any(torch.promote_types(t.dtype, t.stored_dtype) != t.dtype for t in tensors.values())
    print(f"read    {src}: {model.layout}")
    print(f"        {_describe(model.config)}, {_name(model.dtype)}")
    for note in notes:
        print(f"note    {note}")

    before = [file_version(path) for path in model.files]
    source_hashes = _hash_files(model.files, "hashing the source", model.source)
    with new_model_folder(dst, overwrite=overwrite) as folder:
        _write(folder, model, tensors, found, keeps_tokenizer=tokenizer is None, dtype=wanted)
        tokens = _compare_tokens(model, folder, found) if tokenizer is None else None
        comparison = compare(model, folder)
        _check_equal(comparison, is_rounded=is_rounded, dtype=result_dtype)
        uses_transformers = "transformers" in comparison.source_by + comparison.result_by
        record = {
            "source": without_folders(src),
            "layout": model.layout,
            "source_sha256": source_hashes,
            "sha256": _hash_files((folder / WEIGHTS,), "hashing the result", folder),
            "n_params": model.config.n_params,
            "source_dtype": _name(model.dtype),
            "dtype": result_dtype,
            "tokenizer": None if found is None else found.name,
            "tokens": tokens,
            "logits": comparison.to_fields(),
            "notes": notes,
            "versions": {
                "gpt_toolkit": version("gpt-toolkit"),
                "torch": str(torch.__version__),
                "transformers": version("transformers") if uses_transformers else None,
            },
        }
        write_json(folder / _RECORD, record)
        agreement = model.source / AGREEMENT
        is_same = model.layout.startswith(HUGGING_FACE) and not is_rounded and agreement.is_file()
        card = card_files(
            name or dst.name,
            model.config,
            model.training,
            classes=[] if model.heads is None else model.heads.classes,
            conversion=record,
            agreement=read_json(agreement, "measure it again") if is_same else None,
            reports=scores,
        )
        for file_name, text in card.items():
            write_text(folder / file_name, text)
        if [file_version(path) for path in model.files] != before:
            raise ValueError(
                f"{src}: changed during the conversion; expected unchanged files; convert it again, or a "
                "copy of it"
            )

    print(f"wrote   {dst}: {(dst / WEIGHTS).stat().st_size / 1e6:,.1f} MB in {result_dtype}")
    if tokens is not None:
        print(f"tokens  {tokens}")
    print(f"logits  {comparison}")
    if comparison.exact_gelu_difference is not None:
        exact = comparison.exact_gelu_difference
        print(f"        the source run with the exact GELU, as by its own code, is {exact:.1e} away")
    if is_rounded:
        print(f"        the weights were rounded to {result_dtype}: that is the difference")
    if found is not None:
        print(f"next: gpt-toolkit generate {dst}")
    return comparison


def _read_scores(path: Path, model: StoredModel, tokenizer: Tokenizer | None) -> dict[str, Any]:
    """Read a report of zero-shot scores, which must be of the same model."""
    report = read_json(path, "expected a report of gpt-toolkit zero-shot --output")
    if not isinstance(report, dict) or not isinstance(report.get("scores"), list):
        raise ValueError(f"--scores {path}: no scores; expected a report of gpt-toolkit zero-shot --output")
    found = (report.get("decoder"), report.get("tokenizer"))
    if found != (model.config.to_fields(), None if tokenizer is None else tokenizer.fingerprint):
        raise ValueError(
            f"--scores {path}: a report of {str(report.get('model'))!r} with another decoder or tokenizer; "
            "expected one of this model; measure it with gpt-toolkit zero-shot --output"
        )
    return report


def _check_separate(src: Path, dst: Path) -> None:
    """Check that writing DST does not change SRC."""
    if not src.exists():
        return  # a hub id, or nothing
    if src == dst:
        raise ValueError(f"DST: {dst}, which is SRC; expected another folder")
    if src in dst.parents:
        raise ValueError(f"DST: {dst}, inside SRC; expected a folder elsewhere, because SRC is not changed")
    if dst in src.parents:
        raise ValueError(
            f"DST: {dst}, which contains SRC; expected a folder elsewhere, because SRC is not changed"
        )


def _tokenizer(model: StoredModel, chosen: str | None) -> Tokenizer | None:
    if chosen is not None:
        return None if chosen == "none" else load_tokenizer(chosen)
    fix = "give the model's tokenizer by --tokenizer, or --tokenizer none to leave it out"
    try:
        return tokenizer_of(model.tokenizer, str(model.source))
    except OSError as error:
        raise OSError(f"{error}; or {fix}") from None
    except ValueError as error:
        raise ValueError(f"{error}; {fix}") from None


def _tokenizer_notes(model: StoredModel, tokenizer: Tokenizer | None) -> tuple[str, ...]:
    """Check that tokenizer and model belong together; return notes on how they differ."""
    vocab_size = model.config.vocab_size
    if tokenizer is None:
        return ("no tokenizer found: the result can be used by token ids only, until its files are added",)
    if tokenizer.vocab_size > vocab_size:
        raise ValueError(
            f"{model.source}: tokenizer {tokenizer.name} with {tokenizer.vocab_size:,} ids; expected at most "
            f"{vocab_size:,}, as the model embeds; give the model's own by --tokenizer"
        )
    if tokenizer.vocab_size < vocab_size:
        return (
            f"the vocabulary is padded: {vocab_size:,} rows for the {tokenizer.vocab_size:,} ids of its "
            "tokenizer; all rows are kept, so that every logit is the same",
        )
    if isinstance(tokenizer, GPT1BPE):
        return (
            "transformers' AutoTokenizer gives the same ids unless GPT-1's own cleaning changes the text "
            "(curly quotes, ellipses): encode such text here, or clean it before",
        )
    return ()


def _kept_files(model: StoredModel) -> dict[str, str]:
    """Return the files of a Hugging Face folder that are copied."""
    path = model.source / GENERATION_CONFIG
    return {path.name: path.read_text(encoding="utf-8")} if path.is_file() else {}


def _kept_ids(model: StoredModel) -> dict[str, Any]:
    """Return the ids of special tokens in a Hugging Face folder's ``config.json``."""
    fields = read_json(model.source / CONFIG, "a model folder holds one")
    ids = {name: fields.get(name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    return {name: i for name, i in ids.items() if type(i) is int and 0 <= i < model.config.vocab_size}


def _compare_tokens(model: StoredModel, folder: Path, tokenizer: Tokenizer | None) -> str | None:
    """Return a line about the comparison of both tokenizers, which must be equal.

    Raises:
        ValueError: If they differ.
    """
    if tokenizer is None:
        return None
    added = [token.content for token in tokenizer.added_tokens]
    before, after, by = compare_tokenizers(model.tokenizer, folder, added)
    if difference := before.difference(after):
        raise ValueError(
            f"tokenizer of the result: {difference} (both read by {by}); expected the source's, so nothing "
            "was written; give another tokenizer by --tokenizer, or --tokenizer none"
        )
    line = f"the same ids and texts on a probe with {len(added)} added tokens; both read by {by}"
    if before.shortened != after.shortened:
        line += f"; without special tokens the source gives {before.shortened!r:.200}, the result "
        line += f"{after.shortened!r:.200}"
    return line


def _write(
    folder: Path,
    model: StoredModel,
    tensors: Mapping[str, LazyTensor],
    tokenizer: Tokenizer | None,
    *,
    keeps_tokenizer: bool,
    dtype: torch.dtype | None,
) -> None:
    files: dict[str, str] = {}
    extra: dict[str, Any] = {}
    if tokenizer is not None:
        files = tokenizer.files()
        extra = token_id_fields(tokenizer)
    if keeps_tokenizer and model.layout.startswith(HUGGING_FACE):
        files |= _kept_files(model)
        extra |= _kept_ids(model)
    heads = model.heads
    if heads is not None and dtype is not None:
        heads = replace(heads, tensors={name: tensor.to(dtype) for name, tensor in heads.tensors.items()})
    n_bytes = sum(tensor.n_bytes for tensor in tensors.values())
    with ProgressBar("writing", total=n_bytes) as progress:
        write_model_files(
            folder, model.config, tensors, files, extra=extra, heads=heads, advance=progress.advance
        )


def _hash_files(paths: tuple[Path, ...], title: str, root: Path) -> dict[str, str]:
    """Return the SHA-256 of each file by its name in the source."""
    hashes = {}
    with ProgressBar(title, total=sum(path.stat().st_size for path in paths)) as progress:
        for path in paths:
            digest = hashlib.sha256()
            with path.open("rb") as file:
                while piece := file.read(_PIECE):
                    digest.update(piece)
                    progress.advance(len(piece))
            name = path.relative_to(root) if root in path.parents else path.relative_to(path.parent)
            hashes[name.as_posix()] = digest.hexdigest()
    return hashes


def _check_equal(comparison: Comparison, *, is_rounded: bool, dtype: str) -> None:
    """Check that the result's logits equal the source's, as far as the dtype allows."""
    if comparison.source_finite and not comparison.result_finite:
        raise ValueError(
            f"--dtype: {dtype}, in which the logits are not finite; expected a wider type; use --dtype "
            "bfloat16 or float32"
        )
    if not is_rounded and comparison.largest_difference > _TOLERANCE * max(1.0, comparison.largest_logit):
        raise ValueError(f"logits of the result: {comparison}; expected the source's, so nothing was written")


def _describe(config: DecoderConfig) -> str:
    whose = "GPT-2" if config.norm == "pre" else "GPT-1"
    return (
        f"{whose}: {config.n_layer} layers, {config.n_head} heads, n_embd {config.n_embd}, context "
        f"{config.n_ctx:,}, {config.vocab_size:,} tokens; {config.n_params:,} parameters"
    )


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
