"""Exercise gpt2-3.3: the last word of a passage, as in LAMBADA (GPT-2 §3.3).

The paper reports accuracy and perplexity of predicting the last word of a passage. A word can have several
tokens. Its log-probability is the sum over its tokens. It is right if each of its tokens is the likeliest
one.

Example: ids of 10 tokens whose last word has 2: its tokens are ids[8] and ids[9]. logits[7] predicts ids[8].
"""

from torch import Tensor


def last_word(logits: Tensor, ids: Tensor, n_word: int) -> tuple[float, bool]:
    """Return the log-probability of the last word in nats, and whether it is predicted right.

    Args:
        logits: (T, V); logits[t] are the scores of the token after position t.
        ids: (T,), int64, tokens of the passage with its last word.
        n_word: Number of tokens of the last word.
    """
    # %% solution
    word = ids[-n_word:]
    before = logits[-n_word - 1 : -1]  # (n_word, V), each predicts one token of the word
    log_p = before.log_softmax(dim=-1).gather(1, word[:, None]).sum()
    return float(log_p), bool((before.argmax(dim=-1) == word).all())
    # %% mistake: the logits are those after each token of the word; logits[t] predicts the token at t + 1
    word = ids[-n_word:]
    after = logits[-n_word:]
    log_p = after.log_softmax(dim=-1).gather(1, word[:, None]).sum()
    return float(log_p), bool((after.argmax(dim=-1) == word).all())
    # %% mistake: only the last token is scored; expected all tokens of the word
    log_p = logits[-2].log_softmax(dim=-1)[ids[-1]]
    return float(log_p), bool(logits[-2].argmax() == ids[-1])
    # %% mistake: only the first token of the word is scored; expected all of its tokens
    first = logits[-n_word - 1]
    return float(first.log_softmax(dim=-1)[ids[-n_word]]), bool(first.argmax() == ids[-n_word])
    # %% mistake: the log-probability is a mean over the tokens; expected the sum, which is that of the word
    word = ids[-n_word:]
    before = logits[-n_word - 1 : -1]
    log_p = before.log_softmax(dim=-1).gather(1, word[:, None]).mean()
    return float(log_p), bool((before.argmax(dim=-1) == word).all())
    # %% mistake: the word counts as right if any of its tokens is; expected all of them
    word = ids[-n_word:]
    before = logits[-n_word - 1 : -1]
    log_p = before.log_softmax(dim=-1).gather(1, word[:, None]).sum()
    return float(log_p), bool((before.argmax(dim=-1) == word).any())
    # %% mistake: this is a sum of logits; take their log_softmax first
    word = ids[-n_word:]
    before = logits[-n_word - 1 : -1]
    return float(before.gather(1, word[:, None]).sum()), bool((before.argmax(dim=-1) == word).all())
    # %% mistake: this is the probability of the word; expected its logarithm
    word = ids[-n_word:]
    before = logits[-n_word - 1 : -1]
    log_p = before.log_softmax(dim=-1).gather(1, word[:, None]).sum()
    return float(log_p.exp()), bool((before.argmax(dim=-1) == word).all())
