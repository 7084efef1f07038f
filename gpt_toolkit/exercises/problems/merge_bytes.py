"""Exercise gpt2-2.2: byte-pair encoding of a word (GPT-2 §2.2; GPT-1 §4.1).

The paper encodes text with byte-level BPE: a word begins as single bytes, and pairs of neighbors are merged.
Each merge has a rank, its place in the list of merges that training found. The pair with the lowest rank is
merged first, wherever it stands. This repeats until no two neighbors are in the list.

Example: with ranks {(b"l", b"o"): 0, (b"lo", b"w"): 1, (b"e", b"r"): 2}, b"lower" gives [b"low", b"er"].
"""

from itertools import pairwise


def merge_bytes(word: bytes, ranks: dict[tuple[bytes, bytes], int]) -> list[bytes]:
    """Return the pieces of a word.

    Args:
        word: UTF-8 bytes of the word, with the space before it if there is one.
        ranks: Rank of each pair that can be merged, from 0.
    """
    # %% solution
    pieces = [word[i : i + 1] for i in range(len(word))]
    while len(pieces) > 1:
        found = [(ranks.get(pair, len(ranks)), i) for i, pair in enumerate(pairwise(pieces))]
        rank, i = min(found)
        if rank == len(ranks):
            break
        pieces[i : i + 2] = [pieces[i] + pieces[i + 1]]
    return pieces
    # %% mistake: the leftmost pair that is in the list is merged first; expected the pair with the lowest
    # rank
    pieces = [word[i : i + 1] for i in range(len(word))]
    while found := [i for i, pair in enumerate(pairwise(pieces)) if pair in ranks]:
        i = found[0]
        pieces[i : i + 2] = [pieces[i] + pieces[i + 1]]
    return pieces
    # %% mistake: the longest known piece is taken from the left, as WordPiece does; expected merges by rank
    known = {a + b for a, b in ranks}
    pieces = []
    while word:
        end = max([n for n in range(1, len(word) + 1) if word[:n] in known], default=1)
        pieces.append(word[:end])
        word = word[end:]
    return pieces
    # %% mistake: the pair with the highest rank is merged first; expected the lowest, which training found
    # first
    pieces = [word[i : i + 1] for i in range(len(word))]
    while found := [(ranks[pair], i) for i, pair in enumerate(pairwise(pieces)) if pair in ranks]:
        _, i = max(found)
        pieces[i : i + 2] = [pieces[i] + pieces[i + 1]]
    return pieces
    # %% mistake: merging stops after one merge; repeat until no pair is in the list
    pieces = [word[i : i + 1] for i in range(len(word))]
    found = [(ranks[pair], i) for i, pair in enumerate(pairwise(pieces)) if pair in ranks]
    if found:
        _, i = min(found)
        pieces[i : i + 2] = [pieces[i] + pieces[i + 1]]
    return pieces
    # %% mistake: nothing is merged; expected merges until no two neighbors are in the list
    return [word[i : i + 1] for i in range(len(word))]
