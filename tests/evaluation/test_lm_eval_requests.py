"""The lm-eval protocols make the requests of lm-eval 0.4.13, recorded by ``make_lm_eval_requests.py``."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from gpt_toolkit.evaluation.items import Conversation, Question, Summary, Translation
from gpt_toolkit.evaluation.protocol import EvaluationContext as Context
from gpt_toolkit.evaluation.registry import BENCHMARKS
from gpt_toolkit.generation.requests import Prompt
from tests.evaluation.conftest import stops, texts_of

EXPECTED = json.loads(Path(__file__).with_name("lm_eval_requests.json").read_text(encoding="utf-8"))
ROWS = {
    "coqa": Conversation(
        "Ana has a red boat. Ben has none.\nThey sail at noon.",
        ("Who has a boat?", "Of what color?"),
        (("Ana", "Ana does", "ana"), ("red", "a red one", "Red")),
    ),
    "natural_questions": Question("who wrote the book", ("Ana Lee", "Ana B. Lee")),
    "wmt14_en_fr": Translation("A dog runs.", "Un chien court."),
    "wmt14_fr_en": Translation("Un chien court.", "A dog runs."),
    "cnn_dm": Summary("Ana won. Ben lost.", "Ana won."),
}
END = "<|endoftext|>"


@pytest.mark.parametrize(
    ("benchmark", "task"),
    [("lambada", "lambada_openai"), ("winograd", "wsc273"), ("wikitext2_raw", "wikitext")],
)
def test_requests_of_all_real_rows_are_the_harness_s(
    shared_data: Path, context: Context, benchmark: str, task: str
) -> None:
    found = BENCHMARKS[benchmark]
    protocol = found.protocol("lm-eval")
    assert protocol is not None
    texts: Any = texts_of(context, protocol.build_requests(found.read(shared_data).items, context))
    if task == "wikitext":  # one text a page, after the end of text
        texts = [[[text.removeprefix(END)] for [text] in row] for row in texts]
    checksum = hashlib.sha256(json.dumps(texts, ensure_ascii=False).encode()).hexdigest()
    assert checksum == EXPECTED[task]


@pytest.mark.parametrize(
    ("benchmark", "task"),
    [
        ("coqa", "coqa"),
        ("natural_questions", "nq_open"),
        ("wmt14_en_fr", "wmt14-en-fr"),
        ("wmt14_fr_en", "wmt14-fr-en"),
        ("cnn_dm", "cnn_dailymail_abisee"),
    ],
)
def test_prompts_of_made_rows_are_the_harness_s(context: Context, benchmark: str, task: str) -> None:
    protocol = BENCHMARKS[benchmark].protocol("lm-eval-1")
    assert protocol is not None
    built = protocol.build_requests(
        [ROWS[benchmark]], Context(context.tokenizer, context.n_ctx, n_examples=3)
    )
    [[[prompt, arguments]]] = EXPECTED[task]
    assert texts_of(context, built) == [[[prompt]]]
    [[request]] = built.requests
    assert isinstance(request, Prompt)
    assert stops(request) == (*arguments["until"], END)
    assert request.max_new_tokens == arguments.get("max_gen_toks", 256)
    assert request.top_k == 1
