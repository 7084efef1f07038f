"""Exercise gpt2-3.4: resolve a pronoun, as in the Winograd Schema Challenge (GPT-2 §3.4).

A sentence has an ambiguous pronoun and two candidates for what it means. The paper follows Trinh and Le
(2018): the pronoun is replaced by each candidate, and the likelier text wins. In their partial scoring only
the words after the candidate are scored. A frequent candidate then has no advantage.

Example: schema_texts("The cup was full until ", "it", " was empty.", ["the cup", "the can"]) is
[("The cup was full until the cup", " was empty."), ("The cup was full until the can", " was empty.")].
"""


def schema_texts(before: str, pronoun: str, after: str, candidates: list[str]) -> list[tuple[str, str]]:
    """Return the text to read and the text to score of each candidate, for partial scoring.

    Args:
        before: Sentence up to the pronoun, with the space before it.
        pronoun: The pronoun.
        after: Sentence after the pronoun, from its first space or punctuation.
        candidates: What the pronoun may mean.
    """
    # %% solution
    return [(before + candidate, after) for candidate in candidates]
    # %% mistake: the candidate is scored; in partial scoring the model reads it
    return [(before, candidate + after) for candidate in candidates]
    # %% mistake: only the candidate is scored; expected the words after it
    return [(before, candidate) for candidate in candidates]
    # %% mistake: the pronoun is still in the text; expected the candidate in its place
    return [(f"{before}{pronoun} {candidate}", after) for candidate in candidates]
    # %% mistake: the whole sentence is scored (full scoring); expected the words after the candidate
    return [("", before + candidate + after) for candidate in candidates]
