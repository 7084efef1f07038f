"""Interactive mode of ``gpt-toolkit generate``: it continues each line; a slash changes the settings."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from gpt_toolkit.generation import Sampling
    from gpt_toolkit.generation.language_model import LanguageModel


@dataclass(frozen=True)
class GenerationSettings:
    """Settings of generation, named like the options and arguments of :meth:`LanguageModel.generate`.

    Args:
        max_new_tokens: Maximum number of new tokens.
        temperature: Divides the logits; 0 is greedy.
        top_k: Draw among the N likeliest tokens; 0 is off.
        top_p: Draw among the likeliest tokens with this total probability; 1 is off.
        top_p_rule: Whether to keep or drop the token that crosses ``top_p``.
        repetition_penalty: Makes tokens of the text so far less likely; 1 is off.
        stop: Strings before which the answer ends.
        seed: Seed of the draws; by default another each time.

    Raises:
        ValueError: If a value is out of range.
    """

    max_new_tokens: int = 100
    temperature: float = 1.0
    top_k: int = 40  # of the samples in GPT-2, Table 13
    top_p: float = 1.0
    top_p_rule: Literal["keep", "drop"] = "keep"
    repetition_penalty: float = 1.0
    stop: tuple[str, ...] = ()
    seed: int | None = None

    def __post_init__(self) -> None:
        _ = self.sampling
        if self.max_new_tokens < 0:
            raise ValueError(f"max_new_tokens is {self.max_new_tokens}, expected at least 0")
        if self.seed is not None and not 0 <= self.seed < 2**63:
            raise ValueError(f"seed is {self.seed}, expected at least 0 and less than 2**63")
        if "" in self.stop:
            raise ValueError("a stop string is empty; give at least one character")

    @property
    def sampling(self) -> Sampling:
        """Sampling of a token."""
        from gpt_toolkit.generation import Sampling

        return Sampling(self.temperature, self.top_k, self.top_p, self.top_p_rule, self.repetition_penalty)

    def as_arguments(self) -> dict[str, Any]:
        """Return the fields by name."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


_TYPES: Mapping[str, type[int] | type[float] | type[str]] = {
    "max_new_tokens": int,
    "temperature": float,
    "top_k": int,
    "top_p": float,
    "top_p_rule": str,
    "repetition_penalty": float,
    "stop": str,
    "seed": int,
}
_EMPTY_VALUES: Mapping[str, object] = {"stop": (), "seed": None}
_COMMANDS = (*_TYPES, "settings", "reset", "help", "quit")
HELP = """\
Type a text and the model continues it.
  /temperature 0.7   /top_k 40   /top_p 0.95   /max_new_tokens 200   /seed 1   change how it is drawn
  /repetition_penalty 1.2   /stop TEXT ends an answer before TEXT (\\n is a line break); /stop alone: nowhere
  /seed              another seed each time
  /settings   show them   /reset   restore the first ones   /help   /quit
Ctrl-C stops an answer; Ctrl-C twice or Ctrl-D leaves"""


def converse(model: LanguageModel, settings: GenerationSettings) -> None:
    """Ask for texts and continue them until the user leaves.

    Args:
        model: Model that continues them.
        settings: Initial settings.
    """
    with contextlib.suppress(ImportError):  # Windows has none and does without a history
        import readline  # noqa: F401 gives input() its history
    print(HELP)
    initial, has_noted, interrupted = settings, False, False
    while True:
        try:
            line = input("> ")
        except EOFError:
            print()
            return
        except KeyboardInterrupt:
            print()
            if interrupted:
                return
            interrupted = True
            print("Ctrl-C again leaves")
            continue
        interrupted = False
        try:
            if line.strip() == "/quit":
                return
            if line.startswith("/"):
                settings = _change(settings, line[1:], initial)
            elif line:
                for piece in model.stream(line, **settings.as_arguments()):
                    print(piece, end="", flush=True)
                print()
                if not has_noted and (note := sliding_note(model, line, settings.max_new_tokens)):
                    has_noted = True
                    print(note)
        except ValueError as error:
            print(error)
        except KeyboardInterrupt:  # the text so far stays
            print()


def _change(settings: GenerationSettings, command: str, initial: GenerationSettings) -> GenerationSettings:
    """Return the settings after a command such as ``top_k 40``."""
    name, _, value = command.partition(" ")
    value = value.strip()
    if name in ("help", ""):
        print(HELP)
        return settings
    if name == "reset":
        settings = initial
    elif name in _TYPES:
        return replace(settings, **{name: _value(name, value, settings)})
    elif name != "settings":
        known = ", ".join(f"/{known}" for known in _COMMANDS)
        raise ValueError(f"/{name} is unknown; expected one of {known}")
    print("  ".join(f"{key} {_format(each)}" for key, each in settings.as_arguments().items()))
    return settings


def _value(name: str, value: str, settings: GenerationSettings) -> Any:
    if not value and name in _EMPTY_VALUES:
        return _EMPTY_VALUES[name]
    if name == "stop":
        return (value.replace("\\n", "\n"),)
    kind = _TYPES[name]
    try:
        if not value:
            raise ValueError
        return kind(value)
    except ValueError:
        what = {int: "whole number", float: "number", str: "word"}[kind]
        raise ValueError(f"/{name} takes one {what}; it is {getattr(settings, name)}") from None


def _format(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(repr(each) for each in value) or "-"
    return "-" if value is None else str(value)


def sliding_note(model: LanguageModel, prompt: str, max_new_tokens: int) -> str:
    """Return a note about an answer longer than the context; empty if it cannot become so long."""
    n_ctx = model.decoder.config.n_ctx
    if len(model.tokenizer.encode(prompt)) + max_new_tokens - 1 <= n_ctx:
        return ""
    return (
        f"note: past the context length of {n_ctx:,} tokens the window slides: the model sees the last "
        f"{max(1, n_ctx // 2):,} to {n_ctx:,} tokens only"
    )
