"""Comparison of the tokenizers of two folders, on a text that holds every added token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import zip_longest
from pathlib import Path
from typing import Any

from gpt_toolkit.checkpoints.compare_logits import silenced
from gpt_toolkit.tokenizers import Tokenizer, load_tokenizer
from gpt_toolkit.tokenizers.added_tokens import ROLES

_WORDS = "the little fox ran over 12 hills , and so on ."


@dataclass(frozen=True)
class Probe:
    """Token ids of a text by one tokenizer, and the texts that it decodes them to.

    Attributes:
        ids: Its token ids.
        decoded: The text of the ids.
        shortened: The text of the ids without special tokens, if the program can leave them out.
        roles: Id of each special token that has a role.
    """

    ids: list[int]
    decoded: str
    shortened: str
    roles: Mapping[str, int]

    def difference(self, other: Probe) -> str:
        """Return what differs first in the other, or nothing; roles that only the other has do not count."""
        if self.ids != other.ids:
            pairs = enumerate(zip_longest(self.ids, other.ids))
            at = next(i for i, (one, two) in pairs if one != two)
            return f"ids {self.ids[at : at + 5]} and {other.ids[at : at + 5]} from place {at} on"
        if self.decoded != other.decoded:
            return f"decoded texts {self.decoded[:200]!r} and {other.decoded[:200]!r}"
        for role, i in self.roles.items():
            if other.roles.get(role) != i:
                return f"{role} {i} and {other.roles.get(role)}"
        return ""


def compare_tokenizers(
    source: Path | Mapping[str, str] | str, result: Path, added: Sequence[str]
) -> tuple[Probe, Probe, str]:
    """Compare two tokenizers, by ``transformers`` if it is installed and reads the source.

    Args:
        source: Place of the tokenizer's files, as :func:`~gpt_toolkit.tokenizers.load_tokenizer` takes it.
        result: The folder that was written.
        added: Texts of all added tokens.

    Returns:
        Probes of both, and the program that read them.
    """
    places = "".join(f" the {token} fox{token}ran {token} {token}." for token in added)
    text = _encodable(load_tokenizer(source)) + places
    by = f"gpt_toolkit {version('gpt-toolkit')}"
    try:
        if not isinstance(source, Path) or not (source / "config.json").is_file():
            raise ImportError
        probes = _probe_transformers(source, text), _probe_transformers(result, text)
        by = f"transformers {version('transformers')}"
    except ImportError:
        probes = _probe(source, text), _probe(result, text)
    except Exception as error:  # of any version of transformers; the comparison is still possible
        reason = str(error).strip().partition("\n")[0]
        by += f" (transformers could not: {type(error).__name__}: {reason})"
        probes = _probe(source, text), _probe(result, text)
    return *probes, by


def _encodable(tokenizer: Tokenizer) -> str:
    """Return a text that the vocabulary has tokens for."""
    try:
        tokenizer.encode(_WORDS)
    except ValueError:
        return tokenizer.decode(range(tokenizer.vocab_size))
    return _WORDS


def _probe(place: Path | Mapping[str, str] | str, text: str) -> Probe:
    tokenizer = load_tokenizer(place)
    ids = tokenizer.encode(text)
    return Probe(ids, tokenizer.decode(ids), "", {"eos_token": tokenizer.end_of_text})


def _probe_transformers(folder: Path, text: str) -> Probe:
    import transformers

    with silenced(transformers):
        tokenizer: Any = transformers.AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
        ids = tokenizer(text)["input_ids"]
        decoded, shortened = (
            tokenizer.decode(ids, skip_special_tokens=skip, clean_up_tokenization_spaces=False)
            for skip in (False, True)
        )
    roles = {role: getattr(tokenizer, f"{role}_id") for role in ROLES}
    return Probe(ids, decoded, shortened, {role: i for role, i in roles.items() if i is not None})
