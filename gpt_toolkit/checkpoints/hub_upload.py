"""Upload of model folders to the Hugging Face hub, by its own client."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def check_repo_id(repo_id: str) -> None:
    """Raise a ValueError unless a text can be the id of a repository on the hub, with its owner."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    try:
        validate_repo_id(repo_id)
        is_valid = "/" in repo_id
    except HFValidationError:
        is_valid = False
    if not is_valid:
        raise ValueError(f"--push {repo_id!r}; expected OWNER/NAME of letters, digits, '-', '_' and '.'")


def push_folder(folder: Path, repo_id: str, *, private: bool = False, client: Any = None) -> str:
    """Upload a model folder; return the address of its repository, which is created if it does not exist.

    Args:
        folder: The folder; all of its files are uploaded.
        repo_id: ``owner/name``.
        private: Whether a new repository can be seen by its owner alone.
        client: ``huggingface_hub.HfApi``, or what stands in for it.

    Raises:
        OSError: If the hub refuses, or cannot be reached. The folder stays as it is.
    """
    if client is None:
        from huggingface_hub import HfApi

        client = HfApi()
    try:
        address = client.create_repo(repo_id, private=private, exist_ok=True)
        client.upload_folder(repo_id=repo_id, folder_path=folder, commit_message="Upload by gpt_toolkit")
    except Exception as error:  # the hub's, the HTTP library's and the system's errors share no base
        reason = str(error).strip().partition("\n")[0]
        raise OSError(
            f"--push {repo_id}: {type(error).__name__}: {reason}; expected an upload; log in with hf auth "
            f"login, or set HF_TOKEN, and push again; {folder} is complete"
        ) from None
    return str(address)
