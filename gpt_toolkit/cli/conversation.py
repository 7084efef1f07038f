"""The interactive mode of ``gpt-toolkit generate``: each line is continued, a slash changes the settings."""

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
    """How text is drawn; the names are those of the options and of :meth:`LanguageModel.generate`.

    Args:
        max_new_tokens: Tokens to add at most.
        temperature: Divides the logits; 0 is greedy.
        top_k: Draw among so many; 0 is off.
        top_p: Draw among so much probability; 1 is off.
        top_p_rule: What becomes of the token that crosses ``top_p``.
        repetition_penalty: Makes what is there already less likely; 1 is off.
        stop: Texts before which the answer ends.
        seed: Of the draws; another each time unless given.

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
        """How a token is drawn."""
        from gpt_toolkit.generation import Sampling

        return Sampling(self.temperature, self.top_k, self.top_p, self.top_p_rule, self.repetition_penalty)

    def as_arguments(self) -> dict[str, Any]:
        """The fields by name."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


_KINDS: Mapping[str, type[int] | type[float] | type[str]] = {
    "max_new_tokens": int,
    "temperature": float,
    "top_k": int,
    "top_p": float,
    "top_p_rule": str,
    "repetition_penalty": float,
    "stop": str,
    "seed": int,
}
_CAN_BE_EMPTY: Mapping[str, object] = {"stop": (), "seed": None}
_COMMANDS = (*_KINDS, "settings", "reset", "help", "quit")
HELP = """\
Type a text and the model continues it.
  /temperature 0.7   /top_k 40   /top_p 0.95   /max_new_tokens 200   /seed 1   change how it is drawn
  /repetition_penalty 1.2   /stop TEXT ends an answer before TEXT (\\n is a line break); /stop alone: nowhere
  /seed              draw anew each time
  /settings   show them   /reset   as at the beginning   /help   /quit
Ctrl-C stops an answer; Ctrl-C twice or Ctrl-D leaves"""


def converse(model: LanguageModel, settings: GenerationSettings) -> None:
    """Ask for texts and continue them, until the user leaves.

    Args:
        model: Writes.
        settings: To begin with.
    """
    with contextlib.suppress(ImportError):  # Windows has none; the lines are then typed without history
        import readline  # noqa: F401 gives input() its history
    print(HELP)
    at_first, noted, interrupted = settings, False, False
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
                settings = _changed(settings, line[1:], at_first)
            elif line:
                for piece in model.stream(line, **settings.as_arguments()):
                    print(piece, end="", flush=True)
                print()
                if not noted and (note := sliding_note(model, line, settings.max_new_tokens)):
                    noted = True
                    print(note)
        except ValueError as error:
            print(error)
        except KeyboardInterrupt:  # what was written so far stays
            print()


def _changed(settings: GenerationSettings, command: str, at_first: GenerationSettings) -> GenerationSettings:
    """The settings after a command such as ``top_k 40``."""
    name, _, value = command.partition(" ")
    value = value.strip()
    if name in ("help", ""):
        print(HELP)
        return settings
    if name == "reset":
        settings = at_first
    elif name in _KINDS:
        return replace(settings, **{name: _value(name, value, settings)})
    elif name != "settings":
        known = ", ".join(f"/{known}" for known in _COMMANDS)
        raise ValueError(f"/{name} is not known; there are {known}")
    print("  ".join(f"{key} {_shown(each)}" for key, each in settings.as_arguments().items()))
    return settings


def _value(name: str, value: str, settings: GenerationSettings) -> Any:
    if not value and name in _CAN_BE_EMPTY:
        return _CAN_BE_EMPTY[name]
    if name == "stop":
        return (value.replace("\\n", "\n"),)
    kind = _KINDS[name]
    try:
        if not value:
            raise ValueError
        return kind(value)
    except ValueError:
        what = {int: "whole number", float: "number", str: "word"}[kind]
        raise ValueError(f"/{name} takes one {what}; it is {getattr(settings, name)}") from None


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(repr(each) for each in value) or "-"
    return "-" if value is None else str(value)


def sliding_note(model: LanguageModel, prompt: str, max_new_tokens: int) -> str:
    """What happens to an answer that outgrows the context; empty where none can."""
    n_ctx = model.decoder.config.n_ctx
    if len(model.tokenizer.encode(prompt)) + max_new_tokens - 1 <= n_ctx:
        return ""
    return (
        f"note: past the context length of {n_ctx:,} tokens the window slides: the model sees the last "
        f"{max(1, n_ctx // 2):,} to {n_ctx:,} tokens only"
    )
