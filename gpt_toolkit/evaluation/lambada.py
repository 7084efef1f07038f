"""LAMBADA: the last word of a passage (GPT-2 §3.3)."""

from collections.abc import Hashable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Literal

from gpt_toolkit.evaluation.benchmark_metrics import Result, accuracy, perplexity
from gpt_toolkit.evaluation.detokenizers import DETOKENIZERS
from gpt_toolkit.evaluation.items import LastWord
from gpt_toolkit.evaluation.protocol import (
    BuildRequests,
    EvaluationContext,
    EvaluationProtocol,
    RequestSet,
    catalogue,
)
from gpt_toolkit.generation.requests import Answer, Request

# The English list of NLTK 3.4, which an independent check of GPT-2 used (cybertronai/bflm:
# eval_lambada_slow.py); 127 words. OpenAI's own list was never published.
_LIST = (
    "i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she her hers "
    "herself it its itself they them their theirs themselves what which who whom this that these those am is "
    "are was were be been being have has had having do does did doing a an the and but if or because as "
    "until while of at by for with about against between into through during before after above below to "
    "from up down in out on off over under again further then once here there when where why how all any "
    "both each few more most other some such no nor not only own same so than too very s t can will just don "
    "should now"
)
STOP_WORDS = tuple(_LIST.split())


def stop_ids(context: EvaluationContext) -> frozenset[int]:
    """Return the tokens that are a stop word with its space, in lower case or capitalized."""
    words = [word for stop in STOP_WORDS for word in (stop, stop.capitalize())]
    encoded = [context.tokenizer.encode(f" {word}") for word in words]
    return frozenset(ids[0] for ids in encoded if len(ids) == 1)


def split_last_word(item: LastWord, *, detokenized: bool) -> tuple[str, str]:
    """Return a passage without its last word, and that word with the space before it."""
    text = DETOKENIZERS["books"].detokenize(item.text) if item.tokenized and detokenized else item.text
    passage, _, word = text.rpartition(" ")
    if not passage or not word:
        raise ValueError(
            f"{item.text[:60]!r}: no last word to predict; expected two words with a space between them"
        )
    return passage, f" {word}"


def last_word_requests(*, filtered: bool, detokenized: bool) -> BuildRequests:
    """Return a function that builds requests for the whole last word.

    Args:
        filtered: Exclude stop words from the answers.
        detokenized: Turn the original, tokenized file into running text.
    """

    def build_requests(items: Sequence[LastWord], context: EvaluationContext) -> RequestSet:
        stops = stop_ids(context) if filtered else frozenset()
        requests: list[list[Request]] = []
        words = []
        for item in items:
            passage, word = split_last_word(item, detokenized=detokenized)
            request = context.continuation(passage, word, stops)
            if len(request.continuation) > 1:  # a longer word may begin with the token of a stop word
                request = request._replace(excluded=stops - {request.continuation[0]})
            requests.append([request])
            words.append(word)
        return RequestSet(requests, words)

    return build_requests


def last_token_requests(*, filtered: bool) -> BuildRequests:
    """Return a function that builds requests for the last token alone, whatever part of the word it is."""

    def build_requests(items: Sequence[LastWord], context: EvaluationContext) -> RequestSet:
        stops = stop_ids(context) if filtered else frozenset()
        requests: list[list[Request]] = []
        tokens = []
        for item in items:
            ids = context.tokenizer.encode("".join(split_last_word(item, detokenized=True)))
            before = ids[:-1] or [context.tokenizer.end_of_text]
            requests.append([context.fitted(before, ids[-1:], stops)])
            tokens.append(ids[-1])
        return RequestSet(requests, tokens)

    return build_requests


def last_word_metrics(references: Sequence[Hashable], answers: Sequence[Sequence[Answer]]) -> Result:
    """Compute the accuracy and the perplexity of the last word or token."""
    found = [answer for [answer] in answers]
    nats = [-answer.log_probability for answer in found]
    correct = [answer.is_greedy for answer in found]
    items = [{"correct": answer.is_greedy, "log_probability": answer.log_probability} for answer in found]
    per_answer = perplexity("perplexity", nats, [1] * len(nats), "examples")
    return Result([accuracy("accuracy", correct, 0.0, references), per_answer], items)


@dataclass(frozen=True)
class LastWordProtocol(EvaluationProtocol):
    """A protocol of LAMBADA.

    Args:
        text: Text of the passage; rules apply to the original, tokenized file.
        scored: Part of the passage that is predicted.
        filter: Words that are not accepted as an answer.
    """

    _: KW_ONLY
    text: Literal["invertible rules", "as in the file"]
    scored: Literal["last word", "last token"]
    filter: Literal["stop words", "none"]

    def build_requests(self, items: Sequence[LastWord], context: EvaluationContext) -> RequestSet:
        filtered = self.filter == "stop words"
        if self.scored == "last token":
            return last_token_requests(filtered=filtered)(items, context)
        detokenized = self.text == "invertible rules"
        return last_word_requests(filtered=filtered, detokenized=detokenized)(items, context)

    def compute_metrics(self, references: Sequence[Hashable], answers: Sequence[Sequence[Answer]]) -> Result:
        return last_word_metrics(references, answers)


def _protocol(key: str) -> LastWordProtocol:
    name, _, version = key.rpartition("-")
    return LastWordProtocol(name, int(version), **catalogue()["lambada"][key])


PROTOCOLS = tuple(map(_protocol, catalogue()["lambada"]))
"""The paper's protocol first."""
