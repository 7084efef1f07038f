"""Exercise gpt1-5: zero-shot choice of an answer (GPT-1 §5, Figure 2 right).

The paper: without any fine-tuning, the model reads document and question, then each answer. It takes the
answer to which it "assigns the highest average token log-probability".

Answers have unequal numbers of tokens. If two are equally good, take the first.

Example: choose_answer([[-1.0, -1.0, -1.0], [-2.5]]) is 0, because -1.0 is more than -2.5.
"""

import math


def choose_answer(log_probabilities: list[list[float]]) -> int:
    """Return the index of the chosen answer.

    Args:
        log_probabilities: For each answer, the log-probability of each of its tokens.
    """
    # %% solution
    means = [sum(tokens) / len(tokens) for tokens in log_probabilities]
    return means.index(max(means))
    # %% mistake: the log-probabilities are summed, so short answers win; expected their average
    sums = [sum(tokens) for tokens in log_probabilities]
    return sums.index(max(sums))
    # %% mistake: the average is one of probabilities; expected the average of log-probabilities
    means = [sum(map(math.exp, tokens)) / len(tokens) for tokens in log_probabilities]
    return means.index(max(means))
    # %% mistake: the answer with the lowest average is chosen; log-probabilities are negative, the highest
    # wins
    means = [sum(tokens) / len(tokens) for tokens in log_probabilities]
    return means.index(min(means))
    # %% mistake: only the first token of each answer counts; expected all of them
    firsts = [tokens[0] for tokens in log_probabilities]
    return firsts.index(max(firsts))
