"""Writing model folders, whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from gpt_toolkit.backbone.config import DecoderConfig
from gpt_toolkit.checkpoints.hugging_face import hugging_face_config, to_hugging_face
from gpt_toolkit.checkpoints.lazy_tensor import StoredTensor, in_memory
from gpt_toolkit.checkpoints.safetensors_file import write_safetensors
from gpt_toolkit.checkpoints.tensor_checks import is_file_name

CONFIG = "config.json"
WEIGHTS = "model.safetensors"


def write_model_folder(
    folder: str | Path,
    config: DecoderConfig,
    state_dict: Mapping[str, Tensor],
    tokenizer_files: Mapping[str, str],
    *,
    overwrite: bool = False,
    extra: Mapping[str, Any] | None = None,
) -> None:
    """Write a model folder that ``transformers`` loads too, whole or not at all.

    It is written under a temporary name in the same folder, then renamed. Memory holds one tensor in addition
    to ``state_dict``.

    Args:
        folder: Where to; parents are made.
        config: The decoder's config.
        state_dict: ``Decoder.state_dict()``, written in its dtype.
        tokenizer_files: Names and contents of the tokenizer's files.
        overwrite: Replace an existing model folder.
        extra: Further fields of ``config.json``; those under ``gpt_toolkit`` join ours.

    Raises:
        FileExistsError: If the folder exists and is not to be replaced, or is not a model folder.
        ValueError: If tensors and config do not fit each other, or a name is not a plain file name.
        OSError: If writing fails; what was there before is left as it was.
    """
    tensors = {name: in_memory(tensor) for name, tensor in state_dict.items()}
    with drafted_folder(folder, overwrite=overwrite) as draft:
        write_model_files(draft, config, tensors, tokenizer_files, extra=extra)


def write_model_files(
    folder: Path,
    config: DecoderConfig,
    tensors: Mapping[str, StoredTensor],
    tokenizer_files: Mapping[str, str],
    *,
    extra: Mapping[str, Any] | None = None,
    advance: Callable[[int], None] = lambda n_bytes: None,
) -> None:
    """Write the files of a model folder, the weights as they are read.

    Args:
        folder: Is there, and empty.
        config: The decoder's config.
        tensors: As in ``Decoder.state_dict()``.
        tokenizer_files: Names and contents of the tokenizer's files.
        extra: Further fields of ``config.json``; those under ``gpt_toolkit`` join ours.
        advance: Told the bytes of weights as they are written.

    Raises:
        ValueError: If tensors and config do not fit each other, or a name is not a plain file name.
    """
    for name in tokenizer_files:
        if not is_file_name(name):
            raise ValueError(f"tokenizer file {name!r}; expected a file name without a folder; rename it")
    stored = to_hugging_face(tensors, config)
    fields = hugging_face_config(config)
    fields["dtype"] = str(tensors["wte.weight"].dtype).removeprefix("torch.")
    ours = fields.pop("gpt_toolkit")
    further = dict(extra or {})
    fields |= {"gpt_toolkit": {**ours, **further.pop("gpt_toolkit", {})}, **further}
    for name, content in {**tokenizer_files, CONFIG: json.dumps(fields, indent=2) + "\n"}.items():
        (folder / name).write_text(content, encoding="utf-8", newline="")
    write_safetensors(folder / WEIGHTS, stored, advance)


@contextlib.contextmanager
def drafted_folder(folder: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """A new folder to fill, which takes its place when all went well; else nothing is left of it.

    Args:
        folder: The place; parents are made.
        overwrite: Replace a model folder that is there, once the new one is complete.

    Yields:
        The folder to fill, beside the place.

    Raises:
        FileExistsError: If the folder exists and is not to be replaced, or is not a model folder.
        OSError: If writing fails; what was there before is left as it was.
    """
    folder = Path(folder).expanduser().resolve()
    check_free(folder, overwrite=overwrite)
    draft = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft.mkdir()
        yield draft
        try:
            if folder.exists():
                folder.rename(old)
            draft.rename(folder)
        except BaseException:
            if old.exists() and not folder.exists():
                old.rename(folder)
            raise
    except OSError as error:
        if error.errno is None or not _is_about(folder, draft, error):  # of the source, and worded already
            raise
        raise OSError(f"{folder}: could not be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        if folder.exists():
            shutil.rmtree(old, ignore_errors=True)


def _is_about(folder: Path, draft: Path, error: OSError) -> bool:
    """Whether an error came of writing: one that names no file, or one of these folders' or above them."""
    if not isinstance(error.filename, str | Path):
        return True
    path = Path(error.filename)
    return path in (draft, folder, *folder.parents) or draft in path.parents


def check_free(folder: Path, *, overwrite: bool) -> None:
    """Refuse a place that is taken.

    Raises:
        FileExistsError: If the folder exists and is not to be replaced, or is not a model folder.
    """
    if not folder.exists():
        return
    if not overwrite:
        raise FileExistsError(
            f"{folder}: exists already; give another folder, or say --overwrite (from Python overwrite=True)"
        )
    inside = list(folder.iterdir()) if folder.is_dir() else None
    if inside is None or (inside and not (folder / CONFIG).is_file()) or any(p.is_dir() for p in inside):
        raise FileExistsError(
            f"{folder}: is not a model folder, so it is not overwritten; give another folder"
        )
