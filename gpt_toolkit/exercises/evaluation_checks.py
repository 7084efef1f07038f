"""Comparisons of exercises about evaluation and sampling."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch

from gpt_toolkit.backbone import Decoder
from gpt_toolkit.evaluation import benchmark_metrics
from gpt_toolkit.evaluation.items import GAP, Cloze, Document, Schema
from gpt_toolkit.evaluation.likelihood import cloze_requests, highest, mean_of_tokens, partial_requests
from gpt_toolkit.evaluation.perplexity import Corpus, perplexity_protocol
from gpt_toolkit.evaluation.protocol import EvaluationContext
from gpt_toolkit.exercises.grading import Comparison, Function
from gpt_toolkit.exercises.model_checks import SEEDS, logits_of, random_ids, small_decoder
from gpt_toolkit.generation.decoding import generate
from gpt_toolkit.generation.requests import Continuation, Request
from gpt_toolkit.generation.sampling import Sampling, choose
from gpt_toolkit.generation.scorer import Scorer
from gpt_toolkit.text_metrics import token_f1
from gpt_toolkit.tokenizers import ByteTokenizer

BYTES = ByteTokenizer()
TEXTS = (
    " Caspar asked , `` Where is the café ? '' \n",
    " The naïve miller did n't answer ; he went ( slowly ) home . \n",
    " It rained . \n",
)


class ReadDocument(NamedTuple):
    """A document and its loss, with the fields of the exercise's Document."""

    nats: float
    n_tokens: int
    read_text: str
    file_text: str


def _byte_decoder(seed: int, n_ctx: int = 16) -> Decoder:
    return small_decoder(seed, vocab_size=BYTES.vocab_size, n_ctx=n_ctx)


def matthews(answer: Function) -> Iterator[Comparison]:
    """Compare with the toolkit's metric of acceptability."""
    labels = [1, 0, 1, 1, 0, 1, 1, 0, 1]
    given = [[1, 0, 0, 1, 1, 1, 1, 0, 1], labels, [1 - label for label in labels], [1] * 9, [0] * 9]
    yield "matthews([1, 1, 0, 0], [1, 0, 0, 0])", answer([1, 1, 0, 0], [1, 0, 0, 0]), 1 / 3**0.5
    for predictions in given:
        expected = benchmark_metrics.matthews(predictions, labels).value
        yield f"matthews({predictions}, {labels})", answer(predictions, labels), expected


def choose_answer(answer: Function) -> Iterator[Comparison]:
    """Compare with the choice of the toolkit's zero-shot evaluation."""
    example = [[-1.0, -1.0, -1.0], [-2.5]]
    yield f"choose_answer({example})", answer(example), 0
    yield "choose_answer of two equal answers", answer([[-1.0], [-1.0, -1.0]]), 0
    for seed in SEEDS:
        decoder = _byte_decoder(seed)
        for context in ("A", "The m", "He as"):
            texts = [f"{context}{rest}" for rest in (" cat", " ran off", "?", " of it")]
            tokens = [_token_log_probabilities(decoder, context, text) for text in texts]
            requests = [
                Continuation(tuple(BYTES.encode(context)), tuple(BYTES.encode(text.removeprefix(context))))
                for text in texts
            ]
            answers = Scorer(decoder, BYTES).continuations(requests)
            [item] = highest(mean_of_tokens)([0], [answers]).items
            yield f"choice among four answers after {context!r}", answer(tokens), item["chosen"]


def _token_log_probabilities(decoder: Decoder, context: str, text: str) -> list[float]:
    ids = torch.tensor([BYTES.encode(text)])
    log_p = logits_of(decoder, ids)[0, :-1].log_softmax(dim=-1).gather(1, ids[0, 1:, None])[:, 0]
    return log_p[len(context.encode()) - 1 :].tolist()


def perplexities(answer: Function) -> Iterator[Comparison]:
    """Compare with the toolkit's evaluation of running text, de-tokenized."""
    example = ReadDocument(12.0, 6, "a b c", "a b c")
    expected = (torch.tensor([2.0, 4.0]).exp().tolist(), 12 / torch.tensor(2.0).log().item() / 5)
    yield "numbers of the example", answer([example]), (*expected[0], expected[1])
    protocol = perplexity_protocol("paper-1", Corpus(detokenizer="wikitext"))
    detokenize = protocol.corpus.rewrite("invertible rules")
    assert detokenize is not None
    for texts in (TEXTS[1:2], TEXTS):
        decoder = _byte_decoder(len(texts))
        items = [Document(text) for text in texts]
        requests, units = protocol.build_requests(items, EvaluationContext(BYTES, decoder.config.n_ctx))
        answers = [Scorer(decoder, BYTES).answer(request) for request in requests]
        scores = {one.metric: one.value for one in protocol.compute_metrics(units, answers).scores}
        documents = [
            ReadDocument(-found.log_probability, found.n_scored, detokenize(text), text)
            for text, [found] in zip(texts, answers, strict=True)
        ]
        names = ("token_perplexity", "word_perplexity", "bits_per_byte")
        yield f"numbers of {len(texts)} documents", answer(documents), tuple(scores[name] for name in names)


def last_word(answer: Function) -> Iterator[Comparison]:
    """Compare with the toolkit's scores of continuations, right and wrong ones."""
    for seed in SEEDS:
        decoder = _byte_decoder(seed)
        [context] = random_ids(decoder, batch=1, length=6).tolist()
        [right] = generate(decoder, [context], max_new_tokens=3, temperature=0.0)
        other = (right[0] + 1) % 256
        for word in (right, right[:1], [other], [*right[:2], other], [other, *right[1:]]):
            yield _last_word(answer, decoder, context, word)


def _last_word(answer: Function, decoder: Decoder, context: list[int], word: Sequence[int]) -> Comparison:
    ids = torch.tensor([*context, *word])
    [expected] = Scorer(decoder, BYTES).continuations([Continuation(tuple(context), tuple(word))])
    given = answer(logits_of(decoder, ids[None])[0], ids, len(word))
    return f"a last word of {len(word)} tokens", given, (expected.log_probability, expected.is_greedy)


def cloze_texts(answer: Function) -> Iterator[Comparison]:
    """Compare texts, and the toolkit's scores of them with those of the Children's Book Test."""
    words = ("cat", "dog", "rain")
    for story, sentence in (
        ("It rained.", f"The {GAP} was wet."),
        ("A cat sat there. Who?", f"{GAP} said no."),
    ):
        beginning, rest = sentence.split(GAP)
        expected = [(f"{story} {beginning}", f"{word}{rest}") for word in words]
        item = Cloze((story,), sentence, 0, words)
        yield from _scored(
            f"{GAP} in {sentence!r}", answer(story, sentence, [*words]), expected, cloze_requests, item
        )


def schema_texts(answer: Function) -> Iterator[Comparison]:
    """Compare texts, and the toolkit's scores of them with those of the Winograd schemas."""
    for before, pronoun, after, *candidates in (
        ("The cup was full until ", "it", " was empty.", "the cup", "the can"),
        ("Ann thanked Eve because ", "she", " had helped, too.", "Ann", "Eve"),
    ):
        expected = [(before + candidate, after) for candidate in candidates]
        item = Schema(tuple(before + candidate for candidate in candidates), after.removeprefix(" "), 0)
        given = answer(before, pronoun, after, candidates)
        yield from _scored(f"{pronoun!r} after {before!r}", given, expected, partial_requests, item)


def _scored(
    what: str,
    given: Any,
    expected: list[tuple[str, str]],
    requests_of: Callable[[Any, EvaluationContext], list[Request]],
    item: Any,
) -> Iterator[Comparison]:
    """Compare pairs of texts, in which the space between both may be in either."""
    yield f"texts for {what}", _with_space_in_second(given), _with_space_in_second(expected)
    for seed in SEEDS:
        decoder = _byte_decoder(seed, n_ctx=64)
        context = EvaluationContext(BYTES, decoder.config.n_ctx)
        mine, theirs = (
            [one.log_probability for one in Scorer(decoder, BYTES).answer(requests)]
            for requests in ([context.continuation(*pair) for pair in given], requests_of(item, context))
        )
        yield f"scores for {what}", mine, theirs


def _with_space_in_second(pairs: Any) -> Any:
    try:
        return [(first.rstrip(), (first + second)[len(first.rstrip()) :]) for first, second in pairs]
    except (AttributeError, TypeError, ValueError):
        return pairs


def answer_f1(answer: Function) -> Iterator[Comparison]:
    """Compare with the toolkit's F1 of answers."""
    for given, right in (
        ("The red cat.", "a red dog"),
        ("in the house, in the garden", "In the garden; in a small house"),
        ("no no no", "No!"),
        ("no", "no, no, never"),
        ("The", "cat"),
        ("a", "the..."),
        ("green", "blue"),
        ("Caspar", "caspar"),
    ):
        yield f"answer_f1({given!r}, {right!r})", answer(given, right), token_f1(given, [right]) / 100


def top_k_probabilities(answer: Function) -> Iterator[Comparison]:
    """Compare the tokens that the toolkit draws with those drawn from the learner's probabilities."""
    given = answer(torch.tensor([[2.0, 1.0, 0.0]]), 2, 1.0)
    yield "probabilities of the example", given, torch.tensor([[0.731059, 0.268941, 0.0]])
    given = answer(torch.tensor([[2.0, 0.0, 2.0]]), 1, 1.0)
    yield "probabilities of two tokens that tie for k = 1", given, torch.tensor([[0.5, 0.0, 0.5]])
    for seed in SEEDS:
        decoder = small_decoder(seed)
        logits = logits_of(decoder, random_ids(decoder, batch=64))[:, -1]  # (B, V)
        for k, temperature in ((0, 1.0), (0, 0.5), (2, 1.0), (7, 0.7), (7, 2.0)):
            probabilities = answer(logits, k, temperature)
            yield (
                f"sums for k = {k}, temperature {temperature}",
                probabilities.sum(dim=1),
                torch.ones(len(logits)),
            )
            order = (
                logits.sort(descending=True, stable=True).indices if k else torch.arange(23).expand(64, 23)
            )
            running = probabilities.gather(1, order).cumsum(dim=1)
            uniform = torch.rand(len(logits), 1, generator=torch.Generator().manual_seed(seed))
            drawn = order.gather(1, torch.searchsorted(running, uniform, right=True).clamp_max(22))[:, 0]
            generator = torch.Generator().manual_seed(seed)
            expected = choose(logits, Sampling(temperature, k), generator)
            yield f"tokens drawn with k = {k}, temperature {temperature}", drawn, expected
