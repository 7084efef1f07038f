"""A model's own tokenizer as a name or a folder, which is how data is told of one."""

import hashlib
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from gpt_toolkit.io import cache_folder
from gpt_toolkit.tokenizers.loading import check_files


def tokenizer_name(tokenizer: Path | Mapping[str, str] | str, model: str) -> str:
    """Return the value of a ``tokenizer`` argument that stands for a model's tokenizer.

    A checkpoint holds the contents of its tokenizer's files. They are written to the cache folder, each under
    a temporary name first: readers and other processes see whole files, and a link in the way is replaced.

    Args:
        tokenizer: A folder, names and contents of files, or a name.
        model: The model, for the message.

    Raises:
        ValueError: If the model has no tokenizer, or holds other files than a tokenizer's.
    """
    if not isinstance(tokenizer, Mapping):
        return str(tokenizer)
    if not tokenizer:
        raise ValueError(f"{model}: holds no tokenizer; name one, or give its folder")
    check_files(tokenizer, model)
    contents = json.dumps(dict(tokenizer), sort_keys=True)
    folder = cache_folder() / "tokenizers" / hashlib.sha256(contents.encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as scratch:
        for name, content in tokenizer.items():
            partial = Path(scratch) / name
            partial.write_text(content, encoding="utf-8", newline="")
            partial.replace(folder / name)
    return str(folder)
