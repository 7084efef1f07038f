"""A model's own tokenizer as a name or a folder, which is how data is told of one."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from gpt_toolkit.text.cache import cache_folder


def tokenizer_name(tokenizer: Path | Mapping[str, str] | str, model: str) -> str:
    """What ``tokenizer`` arguments take for the tokenizer of a model.

    A checkpoint holds the contents of its tokenizer's files; they are laid into the cache folder.

    Args:
        tokenizer: A folder, names and contents of files, or a name.
        model: The model, for the message.

    Raises:
        ValueError: If the model has no tokenizer.
    """
    if not isinstance(tokenizer, Mapping):
        return str(tokenizer)
    if not tokenizer:
        raise ValueError(f"{model}: holds no tokenizer; name one, or give its folder")
    contents = "\0".join(f"{name}\0{tokenizer[name]}" for name in sorted(tokenizer))
    folder = cache_folder() / "tokenizers" / hashlib.sha256(contents.encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in tokenizer.items():
        partial = folder / f"{name}.partial"
        partial.write_text(content, encoding="utf-8", newline="")
        partial.replace(folder / name)
    return str(folder)
