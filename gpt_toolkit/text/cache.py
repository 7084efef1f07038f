"""Where the toolkit keeps what it made or fetched: token shards, vocabularies."""

import os
from pathlib import Path

CACHE_VARIABLE = "GPT_TOOLKIT_CACHE"
"""Environment variable that moves the cache folder."""


def cache_folder() -> Path:
    """The folder of everything that can be made or downloaded again; it need not exist yet."""
    if folder := os.environ.get(CACHE_VARIABLE):
        return Path(folder).expanduser()
    import platformdirs

    return platformdirs.user_cache_path("gpt-toolkit")
