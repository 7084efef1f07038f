"""Exercise gpt1-3.3: input transformations (GPT-1 §3.3, Figure 1).

The paper turns every task into sequences with a start, a delimiter ($) and an extract token:

kind              texts                          sequences
classification    text                           start text extract
entailment        premise, hypothesis            start premise $ hypothesis extract
similarity        a, b                           two, in both orders: like entailment
multiple_choice   document, question, answers    one for each answer: start document question $ answer extract

Example: input_sequences("entailment", [[1, 2], [3]], 7, 8, 9) is [[7, 1, 2, 8, 3, 9]].
"""


def input_sequences(
    kind: str, texts: list[list[int]], start: int, delimiter: int, extract: int
) -> list[list[int]]:
    """Return the sequences of one example, as lists of token ids.

    Args:
        kind: classification, entailment, similarity or multiple_choice.
        texts: Token ids of each text, in the order of the table above.
        start: Id of the start token.
        delimiter: Id of the delimiter token.
        extract: Id of the extract token.
    """
    # %% solution
    if kind == "classification":
        return [[start, *texts[0], extract]]
    if kind == "multiple_choice":
        document, question, *answers = texts
        pairs = [([*document, *question], answer) for answer in answers]
    else:
        a, b = texts
        pairs = [(a, b), (b, a)] if kind == "similarity" else [(a, b)]
    return [[start, *first, delimiter, *second, extract] for first, second in pairs]
    # %% mistake: similarity gives one sequence; expected both orders of the two texts, since neither comes
    # first
    if kind == "classification":
        return [[start, *texts[0], extract]]
    if kind == "multiple_choice":
        return [[start, *texts[0], *texts[1], delimiter, *answer, extract] for answer in texts[2:]]
    return [[start, *texts[0], delimiter, *texts[1], extract]]
    # %% mistake: document and question are separated by a delimiter; expected one only, before the answer
    if kind == "classification":
        return [[start, *texts[0], extract]]
    if kind == "multiple_choice":
        before = [start, *texts[0], delimiter, *texts[1], delimiter]
        return [[*before, *answer, extract] for answer in texts[2:]]
    orders = [texts, texts[::-1]] if kind == "similarity" else [texts]
    return [[start, *a, delimiter, *b, extract] for a, b in orders]
    # %% mistake: all answers stand in one sequence; expected a sequence for each answer
    if kind == "classification":
        return [[start, *texts[0], extract]]
    if kind == "multiple_choice":
        answers = [i for answer in texts[2:] for i in answer]
        return [[start, *texts[0], *texts[1], delimiter, *answers, extract]]
    orders = [texts, texts[::-1]] if kind == "similarity" else [texts]
    return [[start, *a, delimiter, *b, extract] for a, b in orders]
    # %% mistake: the extract token is missing at the end; the head reads its state
    if kind == "classification":
        return [[start, *texts[0]]]
    if kind == "multiple_choice":
        return [[start, *texts[0], *texts[1], delimiter, *answer] for answer in texts[2:]]
    orders = [texts, texts[::-1]] if kind == "similarity" else [texts]
    return [[start, *a, delimiter, *b] for a, b in orders]
    # %% mistake: the start token is missing; expected one at the beginning of each sequence
    if kind == "classification":
        return [[*texts[0], extract]]
    if kind == "multiple_choice":
        return [[*texts[0], *texts[1], delimiter, *answer, extract] for answer in texts[2:]]
    orders = [texts, texts[::-1]] if kind == "similarity" else [texts]
    return [[*a, delimiter, *b, extract] for a, b in orders]
