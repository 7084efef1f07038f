"""Exercise gpt2-3.1: perplexity per token and per word, bits per byte (GPT-2 §3.1, Table 3).

The paper divides the loss of a text by its "canonical units": Table 3 has perplexities per word for
WikiText-2 and PTB, and bits per byte for enwik8. The model reads text whose tokenization was undone by a
de-tokenizer ("the cat sat." for "the cat sat ."). The units are still those of the file, because the results
are compared with those of models that read the file.

The loss is summed over all documents and divided once. A word is what whitespace separates.

Example: one document with a loss of 12 nats, 6 tokens and the file's text "a b c" (3 words, 5 bytes) has
perplexity exp(12 / 6) per token, exp(12 / 3) per word, and 12 / ln(2) / 5 bits per byte.
"""

import math
from typing import NamedTuple


class Document(NamedTuple):
    """A document and its loss."""

    nats: float  # loss, summed over all tokens
    n_tokens: int  # number of tokens that the model has read
    read_text: str  # text that the model has read, de-tokenized
    file_text: str  # text of the file


def perplexities(documents: list[Document]) -> tuple[float, float, float]:
    """Return perplexity per token, perplexity per word, and bits per UTF-8 byte of the file's text.

    Args:
        documents: Documents with nats, n_tokens, read_text and file_text.
    """
    # %% solution
    nats = sum(document.nats for document in documents)
    n_tokens = sum(document.n_tokens for document in documents)
    n_words = sum(len(document.file_text.split()) for document in documents)
    n_bytes = sum(len(document.file_text.encode()) for document in documents)
    return math.exp(nats / n_tokens), math.exp(nats / n_words), nats / math.log(2) / n_bytes
    # %% mistake: words and bytes are those of the text that the model has read; expected those of the file
    nats = sum(document.nats for document in documents)
    n_tokens = sum(document.n_tokens for document in documents)
    n_words = sum(len(document.read_text.split()) for document in documents)
    n_bytes = sum(len(document.read_text.encode()) for document in documents)
    return math.exp(nats / n_tokens), math.exp(nats / n_words), nats / math.log(2) / n_bytes
    # %% mistake: the words are those of the text that the model has read; expected those of the file
    nats = sum(document.nats for document in documents)
    n_tokens = sum(document.n_tokens for document in documents)
    n_words = sum(len(document.read_text.split()) for document in documents)
    n_bytes = sum(len(document.file_text.encode()) for document in documents)
    return math.exp(nats / n_tokens), math.exp(nats / n_words), nats / math.log(2) / n_bytes
    # %% mistake: the last number is in nats per byte; divide by ln(2) for bits
    nats = sum(document.nats for document in documents)
    n_tokens = sum(document.n_tokens for document in documents)
    n_words = sum(len(document.file_text.split()) for document in documents)
    n_bytes = sum(len(document.file_text.encode()) for document in documents)
    return math.exp(nats / n_tokens), math.exp(nats / n_words), nats / n_bytes
    # %% mistake: the last number is per character; é is one character, but two bytes: count text.encode()
    nats = sum(document.nats for document in documents)
    n_tokens = sum(document.n_tokens for document in documents)
    n_words = sum(len(document.file_text.split()) for document in documents)
    n_characters = sum(len(document.file_text) for document in documents)
    return math.exp(nats / n_tokens), math.exp(nats / n_words), nats / math.log(2) / n_characters
    # %% mistake: these are means over documents; add up losses and counts of all documents, then divide once
    n = len(documents)
    token = sum(math.exp(one.nats / one.n_tokens) for one in documents) / n
    word = sum(math.exp(one.nats / len(one.file_text.split())) for one in documents) / n
    bits = sum(one.nats / math.log(2) / len(one.file_text.encode()) for one in documents) / n
    return token, word, bits
    # %% mistake: the first two numbers are losses; a perplexity is exp of the loss
    nats = sum(document.nats for document in documents)
    n_tokens = sum(document.n_tokens for document in documents)
    n_words = sum(len(document.file_text.split()) for document in documents)
    n_bytes = sum(len(document.file_text.encode()) for document in documents)
    return nats / n_tokens, nats / n_words, nats / math.log(2) / n_bytes
    # %% mistake: the perplexities are powers of 2; the loss is in nats, so expected powers of e
    nats = sum(document.nats for document in documents)
    n_tokens = sum(document.n_tokens for document in documents)
    n_words = sum(len(document.file_text.split()) for document in documents)
    n_bytes = sum(len(document.file_text.encode()) for document in documents)
    return 2 ** (nats / n_tokens), 2 ** (nats / n_words), nats / math.log(2) / n_bytes
