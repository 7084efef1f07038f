"""Models of the Hugging Face hub, by their id."""

from __future__ import annotations

import re
from pathlib import Path

from gpt_toolkit.checkpoints.folder_writer import CONFIG, WEIGHTS
from gpt_toolkit.checkpoints.model_folder import has_safetensors

OLD_HUB_IDS = ("openai-gpt", "gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl", "distilgpt2")
"""Ids without an owner that the hub still answers to."""
_HUB_FILES = ["*.safetensors", "*.json", "*.txt"]
_OLD_HUB_FILES = ["pytorch_model*.bin"]


def is_hub_id(model: str) -> bool:
    """Whether a MODEL that is no path here may be an id of the hub."""
    known_suffix = model.endswith((".ckpt", ".pt", ".bin", ".safetensors"))
    owner_and_name = re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", model)
    return not known_suffix and (model in OLD_HUB_IDS or owner_and_name is not None)


def downloaded(model: str) -> Path:
    """The folder of a model of the hub, fetched unless it is there.

    Raises:
        FileNotFoundError: If the hub does not give it; the message says how to place the files by hand.
    """
    by_hand = (
        f"download its {CONFIG}, {WEIGHTS} and tokenizer files on another machine, put them into one folder, "
        "and give that folder"
    )
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise FileNotFoundError(
            f"{model}: no such folder here, and huggingface-hub, which would fetch it, is not installed; "
            f"install gpt-toolkit[hub], or {by_hand}"
        ) from None
    try:
        folder = Path(snapshot_download(model, allow_patterns=_HUB_FILES, ignore_patterns=["*/*"]))
        if not has_safetensors(folder):
            patterns = [*_HUB_FILES, *_OLD_HUB_FILES]
            folder = Path(snapshot_download(model, allow_patterns=patterns, ignore_patterns=["*/*"]))
    except Exception as error:  # the hub's, the HTTP library's and the system's errors share no base
        reason = str(error).strip().partition("\n")[0]
        raise FileNotFoundError(
            f"{model}: no such folder here, and the Hugging Face hub did not give it "
            f"({type(error).__name__}: {reason}); {by_hand}"
        ) from None
    return folder
