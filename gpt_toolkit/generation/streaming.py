"""Text of generated tokens as they come: whole characters, ended by end-of-text or a stop string."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import Literal, TypeAlias

from gpt_toolkit.tokenizers import Tokenizer

Ended: TypeAlias = Literal["end_of_text", "stop", "length"]
"""Why a text ended: by the end-of-text token, before a stop string, or at ``max_new_tokens``."""


class StreamedText:
    """The text of one sequence's new tokens, in which each token is decoded once.

    A character whose bytes span several tokens comes with the last of them. The possible beginning of a stop
    string is buffered until it is certain. Where the tokenizer ends each word with a space (GPT-1's
    ``</w>``), the space comes before the next word instead, so the first word of a text brings one.

    Args:
        tokenizer: The tokenizer of the model.
        prompt: The text before.
        stop: Strings before which the text ends, whichever is complete first. Only the new text is searched.

    Attributes:
        prompt_ids: Tokens of the prompt; the end-of-text token for an empty one.
        text: The text so far, without end-of-text token and stop string.
        n_tokens: Number of tokens so far.
        ended: Why the text ended; None until then.
    """

    def __init__(self, tokenizer: Tokenizer, prompt: str, stop: Sequence[str] = ()) -> None:
        if "" in stop:
            raise ValueError("stop string: empty; expected at least one character; leave it out")
        self._tokenizer, self._stop = tokenizer, stop
        self.prompt_ids = list(tokenizer.encode(prompt)) or [tokenizer.end_of_text]
        self.text = ""
        self.n_tokens = 0
        self.ended: Ended | None = None
        self._characters = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._buffer = ""
        _, space = self._word(self.prompt_ids[-1])
        self._space = b"" if prompt[-1:].isspace() else space

    def add(self, token: int) -> str:
        """Add a token; return the text that is now certain."""
        self.n_tokens += 1
        if token in self._tokenizer.end_ids:
            rest = self._flush()
            self.ended = self.ended or "end_of_text"  # the last bytes may have completed a stop string
            return rest
        piece, space = self._word(token)
        piece, self._space = self._space + piece, space
        return self._extend(self._characters.decode(piece))

    def end(self) -> str:
        """End the text, if it has not ended; return the rest of it."""
        if self.ended is not None:
            return ""
        rest = self._flush()
        self.ended = self.ended or "length"
        return rest

    def _word(self, token: int) -> tuple[bytes, bytes]:
        """Split the bytes of a token into its word and the space that the tokenizer ends it with."""
        piece = self._tokenizer.decode_bytes([token])
        if piece.endswith(b" ") and not self._tokenizer.decode([token]).endswith(" "):
            return piece[:-1], b" "
        return piece, b""

    def _flush(self) -> str:
        certain = self._extend(self._characters.decode(b"", final=True))
        rest, self._buffer = self._buffer, ""
        self.text += rest
        return certain + rest

    def _extend(self, new: str) -> str:
        """Return the text that can no longer become part of a stop string and buffer the rest."""
        text = self._buffer + new
        found = [(start + len(stop), start) for stop in self._stop if (start := text.find(stop)) >= 0]
        if found:
            self.ended = "stop"
            _, n_certain = min(found)
            self._buffer = ""
        else:
            n_certain = len(text) - max((_overlap(text, stop) for stop in self._stop), default=0)
            self._buffer = text[n_certain:]
        self.text += text[:n_certain]
        return text[:n_certain]


def _overlap(text: str, stop: str) -> int:
    """Return the length of the longest end of a text that begins a stop string, without being all of it."""
    longest = min(len(text), len(stop) - 1)
    return next((n for n in range(longest, 0, -1) if stop.startswith(text[-n:])), 0)
