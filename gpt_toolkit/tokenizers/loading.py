"""Tokenizers by their name, their folder or their files."""

import contextlib
import hashlib
import json
import logging
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from gpt_toolkit.checksums import file_checksum, read_checked_json, verify_file, write_checked_json
from gpt_toolkit.io import atomic_folder, cache_folder, explain_read_errors
from gpt_toolkit.suggestions import did_you_mean
from gpt_toolkit.tokenizers import tokenizer_json
from gpt_toolkit.tokenizers.added_tokens import (
    ADDED,
    CHAT_TEMPLATE,
    CONFIG,
    MODEL_CONFIGS,
    SPECIAL_MAP,
    declare,
)
from gpt_toolkit.tokenizers.bpe_table import AddedToken, BPETable, read_json, read_pair
from gpt_toolkit.tokenizers.byte_level_bpe import ByteLevelBPE
from gpt_toolkit.tokenizers.byte_tokenizer import ByteTokenizer, is_byte_table
from gpt_toolkit.tokenizers.character_tokenizer import CharacterTokenizer, is_character_table
from gpt_toolkit.tokenizers.gpt1_bpe import GPT1BPE, UNKNOWN
from gpt_toolkit.tokenizers.tokenizer_json import END_OF_WORD

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

STORYWORLD = Path(__file__).parent / "vocabularies" / "storyworld.json"
"""Vocabulary of 4,096 ids, trained on the built-in world by this command:

gpt-toolkit tokenizer train storyworld --vocab_size 4096 --output FOLDER
"""
STORYWORLD_SHA256 = "6c0b32af0557a511b7b8c9ace12964b7950e491326c85e8d93022bd2125676e8"

FILE_PAIRS = (
    ("vocab.bpe", "encoder.json"),  # GPT-2 as released
    ("vocab_40000.bpe", "encoder_bpe_40000.json"),  # GPT-1 as released
    ("merges.txt", "vocab.json"),  # either, as Hugging Face names them
)
_BLANKS = "\t\n\r \u3000"  # whitespace to every tokenizer here
_VOCABULARY_FILES = ("tokenizer.json", *chain(*FILE_PAIRS))
KNOWN_FILES = (*_VOCABULARY_FILES, CONFIG, SPECIAL_MAP, ADDED, CHAT_TEMPLATE)
"""Names of all files that a tokenizer is read from or written to."""

# tiktoken: tiktoken_ext/openai_public.py
_gpt2_address = "https://openaipublic.blob.core.windows.net/gpt-2/encodings/main/"
_gpt2_sha256 = {
    "vocab.bpe": "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5",
    "encoder.json": "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783",
}
_GIVEN = "the given files"
_CHECKSUMS = "checksums.json"  # of the files of a folder in the cache
_gpt1_address = "https://github.com/openai/finetune-transformer-lm/tree/master/model"
_logger = logging.getLogger(__name__)


class Tokenizer(Protocol):
    """A map from text to token ids and back."""

    @property
    def name(self) -> str:
        """Short name, for messages."""

    @property
    def vocab_size(self) -> int:
        """Number of token ids."""

    @property
    def end_of_text(self) -> int:
        """Id of the token that begins every document."""

    @property
    def end_ids(self) -> tuple[int, ...]:
        """Ids that end a generated text; the end of text, unless the model's files declare others."""

    @property
    def added_tokens(self) -> Sequence[AddedToken]:
        """Tokens that no merge makes, such as the end of text."""

    @property
    def fingerprint(self) -> str:
        """Short hash; tokenizers with equal fingerprints give equal ids for every text."""

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text without the end of text; in it, ``<|endoftext|>`` is ordinary text."""

    def encode_chunk(self, text: str, *, first: bool) -> "NDArray[np.uint32]":
        """Return the ids of one chunk of a long document; the chunks' ids together are the document's.

        Args:
            text: The chunk, cut at a position of :func:`safe_cut`.
            first: Whether it begins the document.
        """

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids; an id outside the vocabulary is a ``ValueError``."""

    def decode_bytes(self, ids: Sequence[int]) -> bytes:
        """Return the bytes of ids, which can be joined when text arrives token by token."""

    def files(self) -> dict[str, str]:
        """Return names and contents of files that :func:`load_tokenizer` reads the tokenizer from."""


def safe_cut(text: str) -> int:
    """Return the last position at which a document may be cut into chunks, or 0.

    Such a position is before whitespace that follows another character. Line breaks are preferred, because
    ftfy repairs text line by line. Tab, line feed, carriage return, space and ideographic space count: every
    tokenizer here and Unicode treat them as whitespace, and no cleaning step removes them.
    """
    end = len(text)
    while (cut := text.rfind("\n", 1, end)) > 0:
        while cut > 0 and text[cut - 1] in "\t\r ":
            cut -= 1
        if cut > 0 and not text[cut - 1].isspace():
            return cut
        end = cut
    if not any(blank in text for blank in _BLANKS):  # a long text without any is found quickly
        return 0
    for cut in range(len(text) - 1, 0, -1):
        if text[cut] in _BLANKS and not text[cut - 1].isspace():
            return cut
    return 0


def check_files(files: Mapping[str, str], origin: str) -> None:
    """Raise if a mapping holds anything but text under the known names of a tokenizer's files.

    The mapping may come from a checkpoint of unknown origin, and its names become parts of paths.

    Args:
        files: File names and contents.
        origin: Name of the model or file that holds them, for the message.

    Raises:
        ValueError: If a name is not in :data:`KNOWN_FILES`, or a content is not text that UTF-8 can write.
    """
    for name, content in files.items():
        if not isinstance(name, str) or name not in KNOWN_FILES:
            given = f"{name!r:.100}" if isinstance(name, str) else f"a name of type {type(name).__name__}"
            problem = f"tokenizer file {given}; expected only {', '.join(KNOWN_FILES)}"
        elif not isinstance(content, str):
            problem = f"content of {name!r} is of type {type(content).__name__}; expected str"
        elif at := re.search("[\ud800-\udfff]", content):
            problem = (
                f"content of {name!r} has a lone surrogate at character {at.start()}; expected Unicode text"
            )
        else:
            continue
        raise ValueError(f"{origin}: {problem}; use a model whose source you trust")


def load_tokenizer(spec: str | Path | Mapping[str, str]) -> Tokenizer:
    """Load a tokenizer.

    Args:
        spec: ``bytes``, ``gpt2`` (downloaded once by tiktoken), ``gpt1`` (files placed by hand) or
            ``storyworld`` (the built-in world's). Otherwise a folder with ``tokenizer.json``, ``vocab.bpe``
            and ``encoder.json``, or ``merges.txt`` and ``vocab.json``; one of these files; or the result of
            :meth:`Tokenizer.files`. A folder named ``gpt2`` is ``./gpt2``.

    Raises:
        FileNotFoundError: If no tokenizer is found.
        ValueError: If a file is damaged, or a mapping holds other files than a tokenizer's.
    """
    if isinstance(spec, Mapping):
        check_files(spec, _GIVEN)
        with explain_read_errors(Path(_GIVEN), "use another copy of them"):
            return _from_files(spec, _GIVEN)
    if isinstance(spec, str) and spec in _LOADERS:
        return _LOADERS[spec]()
    path = Path(spec).expanduser()
    with explain_read_errors(path, "use another copy of the tokenizer"):
        if path.is_dir():
            return _from_folder(path)
        if path.is_file():
            return _from_file(path)
    beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    hint = did_you_mean(path.name, [*_LOADERS, *beside], n=3)
    raise FileNotFoundError(
        f"tokenizer: {str(spec)!r}{hint}; expected a file, a folder, or one of {', '.join(_LOADERS)}"
    )


def _gpt2() -> Tokenizer:
    folder = cache_folder() / "tokenizers" / "gpt2"
    if folder.is_dir():
        return _from_folder(folder)
    from tiktoken.load import read_file_cached

    _logger.warning(
        "GPT-2's vocabulary: taken from tiktoken's cache or downloaded (1.5 MB), and saved in %s", folder
    )
    try:
        files = {
            name: read_file_cached(_gpt2_address + name, sha).decode() for name, sha in _gpt2_sha256.items()
        }
    except (OSError, ValueError) as error:
        raise OSError(
            f"tokenizer: gpt2, not downloaded ({type(error).__name__}); expected a network or vocab.bpe and "
            f"encoder.json; place these (from {_gpt2_address}) in {folder}, or give their folder as the "
            "tokenizer"
        ) from error
    tokenizer = _from_files(files, _gpt2_address.rstrip("/"))
    with contextlib.suppress(OSError), atomic_folder(folder) as partial:  # the cache may not be writable
        write_cached_files(files, partial)
    return tokenizer


def _gpt1() -> Tokenizer:
    folder = cache_folder() / "tokenizers" / "gpt1"
    if folder.is_dir():
        return _from_folder(folder)
    raise FileNotFoundError(
        "tokenizer: gpt1, files not found; expected vocab_40000.bpe and encoder_bpe_40000.json; place these "
        f"(from {_gpt1_address}) in {folder}, or give their folder as the tokenizer"
    )


def _storyworld() -> Tokenizer:
    content = STORYWORLD.read_bytes()
    if hashlib.sha256(content).hexdigest() != STORYWORLD_SHA256:
        raise ValueError(
            f"{STORYWORLD}: changed content; expected the file that was installed; install gpt-toolkit again"
        )
    return _from_table(tokenizer_json.read(content.decode(), str(STORYWORLD)), "auto")


_LOADERS: Mapping[str, Callable[[], Tokenizer]] = {
    "bytes": ByteTokenizer,
    "gpt1": _gpt1,
    "gpt2": _gpt2,
    "storyworld": _storyworld,
}


def _from_folder(folder: Path) -> Tokenizer:
    if (folder / _CHECKSUMS).is_file():
        advice = f"delete the folder {folder} and run the same command again"
        for name, checksum in read_checked_json(folder / _CHECKSUMS, advice).items():
            verify_file(folder / name, checksum, advice)
    return _from_files(_read(folder, (*KNOWN_FILES, *MODEL_CONFIGS)), str(folder))


def _from_file(path: Path) -> Tokenizer:
    for pair in FILE_PAIRS:
        if path.name in pair:
            return _from_files(_read(path.parent, pair), str(path.parent))
    if path.suffix != ".json":
        raise ValueError(f"{path}: not a tokenizer file; expected one of {', '.join(_VOCABULARY_FILES)}")
    (text,) = _read(path.parent, (path.name,)).values()
    return _from_table(tokenizer_json.read(text, str(path)), "auto")


def _read(folder: Path, names: Sequence[str]) -> dict[str, str]:
    files = {}
    for name in names:
        try:
            files[name] = (folder / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            continue
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{folder / name}: invalid byte at offset {error.start}; expected UTF-8; download the file "
                "again"
            ) from None
    return files


def _from_files(files: Mapping[str, str], origin: str) -> Tokenizer:
    config = read_json(files.get(CONFIG, "{}"), f"{origin}/{CONFIG}")
    word_splitting = "rules" if config.get("word_splitting") == "rules" else "auto"
    table = _read_table(files, origin)
    ordinary = (END_OF_WORD, UNKNOWN) if tokenizer_json.is_gpt1(table) else ()
    return _from_table(declare(table, files, origin, ordinary=ordinary), word_splitting)


def _read_table(files: Mapping[str, str], origin: str) -> BPETable:
    if "tokenizer.json" in files:
        return tokenizer_json.read(files["tokenizer.json"], f"{origin}/tokenizer.json")
    for merges, vocabulary in FILE_PAIRS:
        if merges in files and vocabulary in files:
            return read_pair(
                files[merges],
                files[vocabulary],
                merges_origin=f"{origin}/{merges}",
                vocabulary_origin=f"{origin}/{vocabulary}",
            )
    for pair in FILE_PAIRS:
        for name, other in (pair, pair[::-1]):
            if name in files:
                raise FileNotFoundError(f"{origin}: {name} without {other}; expected both; add {other}")
    raise FileNotFoundError(
        f"{origin}: no tokenizer; expected tokenizer.json, or "
        + ", or ".join(" and ".join(pair) for pair in FILE_PAIRS)
    )


def _from_table(table: BPETable, word_splitting: str) -> Tokenizer:
    if tokenizer_json.is_gpt1(table):
        return GPT1BPE(table, "rules" if word_splitting == "rules" else "auto")
    if is_character_table(table):
        return CharacterTokenizer(table)
    return ByteTokenizer() if is_byte_table(table) else ByteLevelBPE(table)


def tokenizer_of(place: Path | Mapping[str, str] | str, model: str) -> Tokenizer | None:
    """Return the tokenizer of a model, or None.

    Args:
        place: Folder that may hold its files, their names and contents (empty without a tokenizer), or its
            name.
        model: Name of the model, for the message.

    Raises:
        FileNotFoundError: If its files are not complete.
        ValueError: If a file is damaged, or the model holds other files than a tokenizer's.
    """
    if isinstance(place, Mapping):
        check_files(place, model)
    if isinstance(place, Path) and not any((place / name).is_file() for name in _VOCABULARY_FILES):
        return None
    with explain_read_errors(Path(model), "use another copy of the model"):
        return load_tokenizer(place) if place else None


def tokenizer_name(place: Path | Mapping[str, str] | str, model: str) -> str:
    """Return the value of a ``tokenizer`` argument that stands for a model's tokenizer.

    A checkpoint holds the contents of its tokenizer's files. They are written to the cache folder, each under
    a temporary name first. Other readers see complete files, and a link in the cache is replaced.

    Args:
        place: As in :func:`tokenizer_of`.
        model: Name of the model, for the message.

    Raises:
        ValueError: If the model has no tokenizer, or holds other files than a tokenizer's.
    """
    if not isinstance(place, Mapping):
        return str(place)
    if not place:
        raise ValueError(f"{model}: no tokenizer; expected one; give the name or folder of a tokenizer")
    check_files(place, model)
    contents = json.dumps(dict(place), sort_keys=True)
    folder = cache_folder() / "tokenizers" / hashlib.sha256(contents.encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as temporary:
        write_cached_files(place, Path(temporary))
        for name in (*place, _CHECKSUMS):
            (Path(temporary) / name).replace(folder / name)
    return str(folder)


def write_cached_files(files: Mapping[str, str], folder: Path) -> None:
    """Write a tokenizer's files into a folder of the cache, with checksums to verify when it is read."""
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8", newline="")
    write_checked_json(folder / _CHECKSUMS, {name: file_checksum(folder / name) for name in files})
