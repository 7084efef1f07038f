"""LAMBADA: the last word of a passage (GPT-2 §3.3)."""

from collections.abc import Callable, Sequence

from gpt_toolkit.batches import Answer
from gpt_toolkit.evaluation.benchmark_metrics import accuracy, perplexity
from gpt_toolkit.evaluation.build_requests import Remarks, Setting, continuation, fitted
from gpt_toolkit.evaluation.detokenizers import BOOKS
from gpt_toolkit.evaluation.items import LastWord
from gpt_toolkit.evaluation.protocol import Asked, Judgement, Protocol

# The English list of NLTK 3.4, which an independent check of GPT-2 used (cybertronai/bflm:
# eval_lambada_slow.py); 127 words. OpenAI's own list was never published.
_LISTED = (
    "i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she her hers "
    "herself it its itself they them their theirs themselves what which who whom this that these those am is "
    "are was were be been being have has had having do does did doing a an the and but if or because as "
    "until while of at by for with about against between into through during before after above below to "
    "from up down in out on off over under again further then once here there when where why how all any "
    "both each few more most other some such no nor not only own same so than too very s t can will just don "
    "should now"
)
STOP_WORDS = tuple(_LISTED.split())


def stop_ids(setting: Setting) -> frozenset[int]:
    """Tokens that are a stop word with its blank, in lower case or capitalized."""
    encode = setting.vocabulary.encode
    words = [word for stop in STOP_WORDS for word in (stop, stop.capitalize())]
    return frozenset(ids[0] for word in words if len(ids := encode(f" {word}")) == 1)


def divide(row: LastWord, *, detokenized: bool) -> tuple[str, str]:
    """A passage up to its last word, and that word with the blank before it."""
    text = BOOKS.detokenize(row.text) if row.tokenized and detokenized else row.text
    context, _, word = text.rpartition(" ")
    if not context or not word:
        raise ValueError(
            f"{row.text[:60]!r} has no last word to guess: it needs two words and one blank between."
        )
    return context, f" {word}"


def ask_word(*, filtered: bool, detokenized: bool) -> Callable[[Sequence[LastWord], Setting], Asked]:
    """Requests for the whole last word.

    Args:
        filtered: Whether stop words are no answer.
        detokenized: Whether the original, tokenized file is written as running text.
    """

    def ask(rows: Sequence[LastWord], setting: Setting) -> Asked:
        remarks = Remarks()
        stops = stop_ids(setting) if filtered else frozenset()
        requests = []
        for row in rows:
            request = continuation(setting, remarks, *divide(row, detokenized=detokenized), stops)
            if len(request.continuation) > 1:  # a longer word that a stop word's token begins is none
                request = request._replace(excluded=stops - {request.continuation[0]})
            requests.append(request)
        return Asked([[request] for request in requests], [None] * len(rows), remarks)

    return ask


def ask_token(*, filtered: bool) -> Callable[[Sequence[LastWord], Setting], Asked]:
    """Requests for the last token alone, whatever part of the word it is."""

    def ask(rows: Sequence[LastWord], setting: Setting) -> Asked:
        remarks = Remarks()
        excluded = stop_ids(setting) if filtered else frozenset()
        requests = []
        for row in rows:
            text = "".join(divide(row, detokenized=True))
            ids = setting.vocabulary.encode(text)
            context = ids[:-1] or [setting.vocabulary.end_of_text]
            requests.append(fitted(setting, remarks, context, ids[-1:], excluded))
        return Asked([[request] for request in requests], [None] * len(rows), remarks)

    return ask


def judge(asked: Asked, answers: Sequence[Sequence[Answer]]) -> Judgement:
    """Share of right guesses, and the perplexity of the last word or token."""
    found = [row[0] for row in answers]
    nats = [-answer.log_probability for answer in found]
    correct = [answer.is_greedy for answer in found]
    rows = [{"correct": right, "log_probability": -loss} for right, loss in zip(correct, nats, strict=True)]
    return Judgement(
        [accuracy("accuracy", correct, 0.0), perplexity("perplexity", nats, [1] * len(nats))], rows
    )


PROTOCOLS = (
    Protocol(
        "paper",
        1,
        "The whole last word after the passage as given (the original file de-tokenized by our invertible "
        "rules); right if greedy decoding gives all its tokens where no stop word (NLTK's 127) may be the "
        "answer; perplexity per word, unfiltered (GPT-2 §3.3; word list and filter are our choice).",
        ask_word(filtered=True, detokenized=True),
        judge,
    ),
    Protocol(
        "paper-token",
        1,
        "As paper-1, but for the last token of the passage alone instead of the whole last word.",
        ask_token(filtered=True),
        judge,
    ),
    Protocol(
        "lm-eval",
        1,
        "The whole last word after the passage as the file has it, no filter; right if all its tokens are "
        "greedy; perplexity per word (lm-eval 0.4.13: lambada_openai, lambada_standard).",
        ask_word(filtered=False, detokenized=False),
        judge,
    ),
    Protocol(
        "megatron",
        1,
        "The last token of the passage alone, no filter; perplexity per last token (Megatron-LM@164204c "
        "without --strict-lambada).",
        ask_token(filtered=False),
        judge,
    ),
)
