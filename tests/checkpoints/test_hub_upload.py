"""Uploads to a stand-in with the signatures of the hub's client; no network."""

from pathlib import Path
from unittest.mock import create_autospec

import pytest
from huggingface_hub import HfApi

from gpt_toolkit.checkpoints.hub_upload import check_repo_id, push_folder


def test_the_folder_is_uploaded_to_a_repository_that_is_created(tmp_path: Path) -> None:
    client = create_autospec(HfApi, instance=True)
    client.create_repo.return_value = "https://hub/me/own"
    assert push_folder(tmp_path, "me/own", private=True, client=client) == "https://hub/me/own"
    client.create_repo.assert_called_once_with("me/own", private=True, exist_ok=True)
    [call] = client.upload_folder.call_args_list
    assert call.kwargs["repo_id"] == "me/own"
    assert call.kwargs["folder_path"] == tmp_path
    assert [name for name, *_ in client.method_calls] == ["create_repo", "upload_folder"]


def test_a_refusal_is_one_line_with_the_fix(tmp_path: Path) -> None:
    client = create_autospec(HfApi, instance=True)
    client.create_repo.side_effect = RuntimeError("401: not logged in\nRequest ID: 1")
    with pytest.raises(
        OSError, match=r"--push me/own: RuntimeError: 401: not logged in; .*hf auth login"
    ) as error:
        push_folder(tmp_path, "me/own", client=client)
    assert "\n" not in str(error.value)
    client.upload_folder.assert_not_called()


@pytest.mark.parametrize("repo_id", ["own", "a/b/c", "me/", "me/own.git", "me/--x", "", "me/a b"])
def test_an_id_without_owner_or_with_other_characters_is_refused(repo_id: str) -> None:
    with pytest.raises(ValueError, match=r"--push '.*'; expected OWNER/NAME"):
        check_repo_id(repo_id)


def test_an_id_with_an_owner_is_accepted() -> None:
    check_repo_id("me/own_model-1.0")
