"""Refusals that every tokenizer shares."""

from collections.abc import Sequence


def check_text(text: str) -> None:
    """Refuse text that UTF-8 cannot write.

    Libraries replace lone surrogates in silence, so that the ids no longer stand for the text.
    """
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"The text holds a lone surrogate (U+{ord(text[error.start]):04X} at character {error.start}), "
            "which is no Unicode text; read its file as UTF-8 with errors='replace', or repair it with "
            "ftfy.fix_text."
        ) from None


def check_ids(ids: Sequence[int], vocab_size: int) -> None:
    """Refuse ids that the vocabulary does not have."""
    if len(ids) and (min(ids) < 0 or max(ids) >= vocab_size):
        stranger = next(i for i in ids if not 0 <= i < vocab_size)
        raise ValueError(
            f"Token id {stranger} is not in the vocabulary, whose {vocab_size} ids are 0 to "
            f"{vocab_size - 1}; was the text encoded by another tokenizer?"
        )
