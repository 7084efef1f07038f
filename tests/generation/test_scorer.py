"""Answers of the scorer, compared with requests one by one, without cache and batches."""

import random

import pytest
import torch

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.generation.requests import Answer, Continuation, Prompt, RunningText
from gpt_toolkit.generation.scorer import SHARED_FROM, Scorer
from gpt_toolkit.tokenizers import load_tokenizer

N_CTX = 64
TOKENIZER = load_tokenizer("bytes")


@pytest.fixture(params=["pre", "post"])
def scorer(request: pytest.FixtureRequest) -> Scorer:
    torch.manual_seed(0)
    fields = {
        "n_layer": 2,
        "n_head": 2,
        "n_embd": 16,
        "n_ctx": N_CTX,
        "vocab_size": 260,
        "norm": request.param,
    }
    decoder = Decoder(DecoderConfig.from_fields(fields))
    with torch.no_grad():
        for parameter in decoder.parameters():  # far from uniform
            parameter.mul_(4.0)
    return Scorer(decoder, TOKENIZER, batch_tokens=150)


def tokens(draw: random.Random, n: int) -> tuple[int, ...]:
    return tuple(draw.randrange(257) for _ in range(n))


@torch.no_grad()
def alone(scorer: Scorer, request: Continuation) -> Answer:
    """Compute the definition: one forward pass over the whole sequence, in float64."""
    decoder = Decoder(scorer.decoder.config).double()
    decoder.load_state_dict(scorer.decoder.state_dict())
    ids = torch.tensor([[*request.context, *request.continuation]])
    logits = (decoder(ids[:, :-1])[0] @ decoder.wte.weight.T)[:, :257]  # rows past the vocabulary are padding
    own = logits[len(request.context) - 1 :]
    log_p = own.log_softmax(dim=1).gather(1, torch.tensor(request.continuation)[:, None]).sum()
    allowed = own.clone()
    allowed[0, list(request.excluded)] = -torch.inf
    greedy = allowed.argmax(dim=1) == torch.tensor(request.continuation)
    return Answer(float(log_p), len(greedy), bool(greedy.all()), last_is_greedy=bool(greedy[-1]))


def assert_same(ours: Answer, theirs: Answer) -> None:
    assert ours.log_probability == pytest.approx(theirs.log_probability, abs=2e-4)
    assert ours._replace(log_probability=0.0) == theirs._replace(log_probability=0.0)


def test_continuations_are_scored_as_each_alone(scorer: Scorer) -> None:
    draw = random.Random(0)
    shared = [tokens(draw, SHARED_FROM + 5), tokens(draw, SHARED_FROM), tokens(draw, 7)]
    requests = [Continuation(context, tokens(draw, n)) for context in shared for n in (1, 4, 9, 2, 25)]
    requests += [
        Continuation(tokens(draw, draw.randint(1, 30)), tokens(draw, draw.randint(1, 30))) for _ in range(20)
    ]
    requests.append(Continuation(tokens(draw, N_CTX), tokens(draw, 1)))
    draw.shuffle(requests)
    for answer, request in zip(scorer.continuations(requests), requests, strict=True):
        assert_same(answer, alone(scorer, request))


def test_greedy_continuations_are_known_as_such_and_stop_words_are_left_out(scorer: Scorer) -> None:
    draw = random.Random(1)
    for length in (5, SHARED_FROM + 1):
        context = tokens(draw, length)
        greedy: tuple[int, ...] = ()
        with torch.no_grad():
            for _ in range(3):
                logits = (
                    scorer.decoder(torch.tensor([[*context, *greedy]]))[0, -1] @ scorer.decoder.wte.weight.T
                )
                greedy = (*greedy, int(logits[:257].argmax()))
        [first, second, third] = scorer.continuations(
            [
                Continuation(context, greedy),
                Continuation(context, (*greedy[:2], (greedy[2] + 1) % 257)),
                Continuation(context, greedy, excluded=frozenset({greedy[0]})),
            ]
        )
        assert (first.is_greedy, first.last_is_greedy) == (True, True)
        assert (second.is_greedy, second.last_is_greedy) == (False, False)
        assert (third.is_greedy, third.last_is_greedy) == (False, True)
        assert third.log_probability == pytest.approx(first.log_probability, abs=1e-5)
        [answer] = scorer.continuations(
            [third_request := Continuation(context, greedy, frozenset({greedy[0]}))]
        )
        assert_same(answer, alone(scorer, third_request))


def test_stop_words_are_left_out_wherever_a_continuation_begins(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gpt_toolkit.generation.scorer._LOGIT_ROWS", 3)
    draw = random.Random(5)
    requests = []
    for i in range(12):
        context = tokens(draw, 6)
        greedy = int(
            (scorer.decoder(torch.tensor([context]))[0, -1] @ scorer.decoder.wte.weight.T)[:257].argmax()
        )
        likely = frozenset(range(257)) - {7}
        excluded = (frozenset(), frozenset({greedy}), likely)[i % 3]
        first = 7 if i % 3 == 2 else greedy
        requests.append(Continuation(context, (first, *tokens(draw, i % 4)), excluded))
    answers = scorer.continuations(requests)
    for answer, request in zip(answers, requests, strict=True):
        assert_same(answer, alone(scorer, request))
    single = [
        answer.is_greedy for answer, r in zip(answers, requests, strict=True) if len(r.continuation) == 1
    ]
    assert single == [True, False, True]  # of no stop words, of the likeliest, of all others


def test_weights_that_have_diverged_are_no_score(scorer: Scorer) -> None:
    with torch.no_grad():
        scorer.decoder.wte.weight[3] = torch.nan
    message = "logits: not finite; expected finite values"
    with pytest.raises(ValueError, match=message):
        scorer.continuations([Continuation((1,), (2,))])
    with pytest.raises(ValueError, match=message):
        scorer.running_texts([RunningText((1, 2, 4), 8, 8)])


@pytest.mark.parametrize(("window", "stride"), [(16, 16), (16, 4), (N_CTX, N_CTX), (5, 1)])
def test_each_token_of_running_text_is_scored_once_in_its_window(
    window: int, stride: int, scorer: Scorer
) -> None:
    draw = random.Random(2)
    requests = [RunningText(tokens(draw, n), window, stride) for n in (40, 16, 17, 2, 1, 65)]
    for answer, request in zip(scorer.running_texts(requests), requests, strict=True):
        assert answer.n_scored == len(request.ids) - 1
        total, scored = 0.0, 0
        for start, end, first in request.windows():
            assert end - start <= window
            assert start == 0 or end - start == window
            assert first == scored
            scored = end
            context, continuation = request.ids[start : first + 1], request.ids[first + 1 : end + 1]
            total += alone(scorer, Continuation(context, continuation)).log_probability
        assert scored == len(request.ids) - 1
        assert answer.log_probability == pytest.approx(total, abs=5e-4)


@pytest.mark.parametrize(("window", "stride"), [(16, 16), (16, 5), (N_CTX, N_CTX // 2)])
def test_the_parts_of_a_divided_text_have_its_log_probability(
    window: int, stride: int, scorer: Scorer
) -> None:
    request = RunningText(tokens(random.Random(4), 200), window, stride)
    [whole] = scorer.running_texts([request])
    for n_windows in (1, 3, 1000):
        parts = scorer.running_texts(request.divided(n_windows))
        assert sum(part.n_scored for part in parts) == whole.n_scored == 199
        total = sum(part.log_probability for part in parts)
        assert total == pytest.approx(whole.log_probability, rel=1e-6)


def test_prompts_of_any_length_are_answered_as_each_alone(scorer: Scorer) -> None:
    draw = random.Random(3)
    requests = [
        Prompt(tokens(draw, n), max_new_tokens=m, stop=stop, top_k=top_k, seed=n)
        for n, m, stop, top_k in [
            (3, 8, (), 1),
            (20, 8, (), 1),
            (9, 8, ("\x00",), 1),
            (5, 4, (), 2),
            (9, 4, (), 2),
        ]
    ]
    together = scorer.prompts(requests)
    for answer, request in zip(together, requests, strict=True):
        [single] = scorer.prompts([request])
        assert single.text == answer.text
        assert single.log_probability == pytest.approx(answer.log_probability, abs=1e-4)
        assert answer.n_scored <= request.max_new_tokens
        if request.top_k == 1 and not request.stop:
            greedy = [int(i) for i in greedily(scorer, request)]
            assert answer.text == TOKENIZER.decode(greedy)
            expected = alone(scorer, Continuation(request.ids, tuple(greedy)))
            assert answer.log_probability == pytest.approx(expected.log_probability, abs=2e-4)


def test_an_answer_ends_before_a_stop_string(scorer: Scorer) -> None:
    draw = random.Random(4)
    ids = tokens(draw, 10)
    [whole] = scorer.prompts([Prompt(ids, max_new_tokens=20)])
    assert len(whole.text) > 4
    stop = whole.text[2:4]
    [cut] = scorer.prompts([Prompt(ids, max_new_tokens=20, stop=(stop,))])
    assert cut.text == whole.text[: whole.text.index(stop)]
    assert cut.n_scored < whole.n_scored


@torch.no_grad()
def greedily(scorer: Scorer, request: Prompt) -> list[int]:
    ids = list(request.ids)
    for _ in range(request.max_new_tokens):
        logits = scorer.decoder(torch.tensor([ids]))[0, -1] @ scorer.decoder.wte.weight.T
        ids.append(int(logits[:257].argmax()))
        if ids[-1] == TOKENIZER.end_of_text:
            return ids[len(request.ids) : -1]
    return ids[len(request.ids) :]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (Continuation((), (1,)), "context: no token; expected at least one"),
        (Continuation((1,), ()), "continuation: no token; expected at least one to score"),
        (Continuation((1,) * 60, (1,) * 6), "context and continuation: 66 tokens; expected at most 65 for"),
        (Continuation((1,), (257,)), "token id: 257; expected 0 to 256, an id of the vocabulary"),
    ],
)
def test_a_continuation_that_cannot_be_scored_is_refused(
    request_: Continuation, message: str, scorer: Scorer
) -> None:
    with pytest.raises(ValueError, match=message):
        scorer.continuations([request_])


@pytest.mark.parametrize(("window", "stride"), [(65, 65), (8, 9), (8, 0)])
def test_windows_that_cannot_be_are_refused(window: int, stride: int, scorer: Scorer) -> None:
    with pytest.raises(ValueError, match="expected 1 <= stride <= window <= 64, the context length"):
        scorer.running_texts([RunningText((1, 2, 3), window, stride)])
