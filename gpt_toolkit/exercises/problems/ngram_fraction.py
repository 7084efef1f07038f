"""Exercise gpt2-4: overlap of test text and training text (GPT-2 §4, Table 6).

The paper: the overlap is the percentage of 8-grams of a test set that are also in the training set. The
8-grams are of "lower-cased alphanumeric words" with a single space between them. Each occurrence in the test
text counts.

The texts are normalized here: lower case, every character that is not a letter or digit becomes a space. A
text with fewer than n words has no n-gram, and the result is 0.

Example: ngram_fraction("It rained. It rained", "so it RAINED", 2) is 2 / 3: the 2-grams of the test text are
"it rained", "rained it", "it rained".
"""


def ngram_fraction(test: str, train: str, n: int) -> float:
    """Return the fraction of the test text's n-grams that the training text has, from 0 to 1.

    Args:
        test: Test text.
        train: Training text.
        n: Words of an n-gram.
    """

    def ngrams(text: str) -> list[tuple[str, ...]]:
        words = "".join(c if c.isalnum() else " " for c in text.lower()).split()
        return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]

    # %% solution
    known, wanted = set(ngrams(train)), ngrams(test)
    return sum(gram in known for gram in wanted) / len(wanted) if wanted else 0.0
    # %% mistake: each different n-gram counts once; expected each occurrence in the test text
    wanted = set(ngrams(test))
    return len(wanted & set(ngrams(train))) / len(wanted) if wanted else 0.0
    # %% mistake: this is the fraction of the training text's n-grams; expected that of the test text's
    known, wanted = ngrams(train), set(ngrams(test))
    return sum(gram in wanted for gram in known) / len(known) if known else 0.0
    # %% mistake: this is the number of shared n-grams over those of both texts (Jaccard); divide by the test
    # text's
    known, wanted = set(ngrams(train)), set(ngrams(test))
    return len(known & wanted) / len(known | wanted) if wanted else 0.0
    # %% mistake: an n-gram counts as often as the training text has it; expected once per occurrence in the
    # test text
    known, wanted = ngrams(train), ngrams(test)
    return sum(known.count(gram) for gram in wanted) / len(wanted) if wanted else 0.0
