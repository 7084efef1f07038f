"""Exercise gpt2-3.2: a missing word, as in the Children's Book Test (GPT-2 §3.2).

A sentence of a story lacks a word, and ten candidates are given. The paper computes "the probability of each
choice and the rest of the sentence conditioned on this choice", and predicts the choice with the highest one.

So each candidate becomes a text that the model reads, and a text whose probability is computed after it. The
model reads everything before the gap. The missing word is written XXXXX in the file.

Example: cloze_texts("It rained.", "The XXXXX was wet.", ["cat"]) is [("It rained. The ", "cat was wet.")].
"""


def cloze_texts(story: str, sentence: str, candidates: list[str]) -> list[tuple[str, str]]:
    """Return the text to read and the text to score of each candidate.

    Args:
        story: Text before the sentence; a space separates both.
        sentence: Sentence with XXXXX in place of a word.
        candidates: Words that may be missing.
    """
    # %% solution
    beginning, _, rest = sentence.partition("XXXXX")
    return [(f"{story} {beginning}", word + rest) for word in candidates]
    # %% mistake: only the word is scored; expected the word and the rest of the sentence
    beginning, _, _ = sentence.partition("XXXXX")
    return [(f"{story} {beginning}", word) for word in candidates]
    # %% mistake: only the rest of the sentence is scored; expected the word and the rest
    beginning, _, rest = sentence.partition("XXXXX")
    return [(f"{story} {beginning}{word}", rest) for word in candidates]
    # %% mistake: the beginning of the sentence is scored; expected that the model reads everything before the
    # gap
    return [(f"{story} ", sentence.replace("XXXXX", word)) for word in candidates]
    # %% mistake: the model reads the sentence with XXXXX; expected only what is before the gap
    _, _, rest = sentence.partition("XXXXX")
    return [(f"{story} {sentence} ", word + rest) for word in candidates]
    # %% mistake: the model does not read the story; expected the story before the beginning of the sentence
    beginning, _, rest = sentence.partition("XXXXX")
    return [(beginning, word + rest) for word in candidates]
