"""Comparison of the tokenizers of two folders, on a text that holds every added token."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gpt_toolkit.checkpoints.compare_logits import silenced
from gpt_toolkit.tokenizers import Tokenizer, load_tokenizer
from gpt_toolkit.tokenizers.added_tokens import ROLES

_WORDS = "the little fox ran over 12 hills , and so on ."


@dataclass(frozen=True)
class Probe:
    """What a tokenizer makes of a text.

    Attributes:
        ids: Its token ids.
        decoded: The text of the ids, with and without special tokens.
        roles: Id of each special token that has a role.
    """

    ids: list[int]
    decoded: tuple[str, ...]
    roles: Mapping[str, int]

    def differences(self, other: Probe) -> Iterator[str]:
        """Yield what differs in the other; roles that are not declared here do not count."""
        if self.ids != other.ids:
            at = next(
                (i for i, (a, b) in enumerate(zip(self.ids, other.ids, strict=False)) if a != b),
                min(len(self.ids), len(other.ids)),
            )
            yield f"ids {self.ids[at : at + 5]} and {other.ids[at : at + 5]} from place {at} on"
        for ours, theirs in zip(self.decoded, other.decoded, strict=True):
            if ours != theirs:
                yield f"texts {ours[:200]!r} and {theirs[:200]!r}"
        for role, i in self.roles.items():
            if other.roles.get(role) != i:
                yield f"{role} {i} and {other.roles.get(role)}"


def compare_tokenizers(
    source: Path | Mapping[str, str] | str, result: Path, added: Sequence[str]
) -> tuple[list[str], str]:
    """Compare two tokenizers, by ``transformers`` if it is installed and reads the source.

    Args:
        source: Place of the tokenizer's files, as :func:`~gpt_toolkit.tokenizers.load_tokenizer` takes it.
        result: The folder that was written.
        added: Texts of all added tokens.

    Returns:
        Differences, and the program that read both.
    """
    text = f"{_WORDS} " + " ".join(f"the {token} fox{token}ran {token} {token}." for token in added)
    by = f"gpt_toolkit {version('gpt-toolkit')}"
    try:
        if not isinstance(source, Path) or not (source / "config.json").is_file():
            raise ImportError
        probes = [_probe_transformers(folder, text) for folder in (source, result)]
        by = f"transformers {version('transformers')}"
    except ImportError:
        probes = [_probe(load_tokenizer(place), text) for place in (source, result)]
    except Exception as error:  # of any version of transformers; the comparison is still possible
        reason = str(error).strip().partition("\n")[0]
        by += f" (transformers could not: {type(error).__name__}: {reason})"
        probes = [_probe(load_tokenizer(place), text) for place in (source, result)]
    return list(probes[0].differences(probes[1])), by


def _probe(tokenizer: Tokenizer, text: str) -> Probe:
    ids = tokenizer.encode(text)
    return Probe(ids, (tokenizer.decode(ids),), {"eos_token": tokenizer.end_of_text})


def _probe_transformers(folder: Path, text: str) -> Probe:
    import transformers

    with silenced(transformers):
        tokenizer: Any = transformers.AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
        ids = tokenizer(text)["input_ids"]
        options = {"clean_up_tokenization_spaces": False}
        decoded = tuple(tokenizer.decode(ids, skip_special_tokens=skip, **options) for skip in (False, True))
    roles = {role: getattr(tokenizer, f"{role}_id") for role in ROLES}
    return Probe(ids, decoded, {role: i for role, i in roles.items() if i is not None})
