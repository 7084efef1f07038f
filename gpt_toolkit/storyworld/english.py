"""English spelling that more than one kind of text needs."""


def article(word: str) -> str:
    """The indefinite article for a word or a phrase, with it: by its sound, not by its letter."""
    silent = word.startswith(("honest", "hour"))
    spoken_y = word.startswith(("uku", "uni"))
    return f"an {word}" if silent or (word[0] in "aeiou" and not spoken_y) else f"a {word}"


def upper_first(text: str) -> str:
    """The text with a capital letter at its start; the rest stays as it is."""
    return text[0].upper() + text[1:]
