"""Prompts of generative benchmarks, and how answers are extracted."""

from dataclasses import replace

import pytest

from gpt_toolkit.evaluation import free_text
from gpt_toolkit.evaluation.free_text import sentences
from gpt_toolkit.evaluation.items import Conversation, Question, Summary, Translation
from gpt_toolkit.evaluation.protocol import EvaluationContext as Context
from gpt_toolkit.generation.requests import Answer, Prompt
from tests.evaluation.conftest import by_name, result_of, stops, texts_of, written

TALK = Conversation("A story.", ("Who?", "Where?"), (("Ann", "Ann Lee"), ("at home", "home", "inside")))
QUESTIONS = [Question(f"what is number {i}?", (f"answer {i}", f"{i}")) for i in range(200)]


def test_every_turn_is_asked_after_people_s_answers(context: Context) -> None:
    protocol = by_name(free_text.PROTOCOLS["conversation"], "paper-1")
    built = protocol.build_requests([TALK], context)
    first = "A story.\n\nQ: Who?\nA:"
    assert texts_of(context, built) == [[[first], [f"{first} Ann\nQ: Where?\nA:"]]]
    assert stops(built.requests[0][0])[0] == "\n"
    answers = [written(" the Ann\nQ: next"), written(" at home today")]
    result = result_of(protocol, built, lambda _, k: answers[k])
    # against all but one: "Ann" 1 and 2/3; "at home today" 0.8, 0.5 and 0 for each left out in turn
    assert result.items[0]["f1"] == pytest.approx([100 * (2 / 3 + 1) / 2, 100 * (0.5 + 0.8 + 0.8) / 3])
    assert result.scores[0].n == 2


def test_the_harness_scores_the_last_turn_without_equal_references(context: Context) -> None:
    row = TALK._replace(answers=(("Ann",), ("Home", "home", "inside")))
    built = by_name(free_text.PROTOCOLS["conversation"], "lm-eval-1").build_requests([row], context)
    assert built.references == [(("Home", "inside"),)]
    assert len(built.requests[0]) == 1


def test_an_article_that_is_too_long_keeps_its_beginning_and_the_hint(context: Context) -> None:
    small = Context(context.tokenizer, n_ctx=30, seed=3)
    built = by_name(free_text.PROTOCOLS["summaries"], "paper-1").build_requests(
        [Summary("abcdefghijkl", "a b"), Summary("ab", "c")], small
    )
    assert texts_of(context, built) == [[["abcdefgh\nTL;DR:"]], [["ab\nTL;DR:"]]]
    [[request], [other]] = built.requests
    assert isinstance(request, Prompt)
    assert isinstance(other, Prompt)
    assert (request.max_new_tokens, request.top_k) == (15, 2)
    assert request.seed != other.seed
    assert small.warnings == {
        "articles lost their end to fit into 30 tokens with the summary": 1,
        "summaries have at most 15 tokens instead of 100": 2,
    }
    no_hint = by_name(free_text.PROTOCOLS["summaries"], "paper-no-hint-1")
    built = no_hint.build_requests([Summary("ab", "c")], small)
    assert texts_of(context, built) == [[["ab"]]]


def test_three_sentences_of_a_summary_are_judged(context: Context) -> None:
    protocol = by_name(free_text.PROTOCOLS["summaries"], "paper-1")
    built = protocol.build_requests([Summary("text", "Ann won.\nBo lost.")], context)
    result = result_of(protocol, built, lambda *_: written(" Ann won. Bo lost! It rained. And more."))
    assert result.items[0]["answer"] == "Ann won.\nBo lost!\nIt rained."
    assert [score.metric for score in result.scores] == ["rouge_mean", "rouge1", "rouge2", "rougeL"]
    assert result.scores[1].value == pytest.approx(100 * 2 * 4 / 10)


def test_sentences_end_in_a_mark_that_a_blank_follows() -> None:
    assert sentences(' He paid 3.5 to "A. Lee." Then\nhe left... Why?! No end') == [
        'He paid 3.5 to "A.',
        'Lee."',
        "Then\nhe left...",
        "Why?!",
        "No end",
    ]
    assert sentences("  ") == []


def test_pairs_stand_before_the_sentence_to_translate(context: Context) -> None:
    rows = [Translation(f"dog {i}", f"chien {i}") for i in range(9)]
    protocol = free_text.translation("English", "French")[0]
    assert protocol.n_examples == 5
    five = replace(context, n_examples=5)
    [[prompt]] = texts_of(context, protocol.build_requests(rows, five))[4]
    *shown, built = prompt.split("\n")
    assert len(shown) == 5
    assert built == "dog 4 ="
    assert all(line.replace("dog", "chien").split(" = ")[0] == line.split(" = ")[1] for line in shown)
    assert "dog 4 = " not in prompt
    few = Context(context.tokenizer, context.n_ctx, n_examples=1)
    assert texts_of(context, protocol.build_requests(rows, few))[4][0][0].count("\n") == 1


def test_the_first_sentence_of_the_first_line_is_the_translation(context: Context) -> None:
    protocol = free_text.translation("English", "French")[0]
    built = protocol.build_requests([Translation("A dog runs there.", "Un chien court vite là.")], context)
    result = result_of(protocol, built, lambda *_: written(" Un chien court vite là. Et encore.\nThe"))
    assert result.scores[0].value == pytest.approx(100.0)


def test_questions_come_after_five_others_with_their_answers(context: Context) -> None:
    protocol = by_name(free_text.PROTOCOLS["questions"], "paper-1")
    assert protocol.n_examples == 5
    five = replace(context, n_examples=5)
    [[prompt]] = texts_of(context, protocol.build_requests(QUESTIONS, five))[7]
    assert prompt.count("Q: ") == 6
    assert prompt.endswith("\n\nQ: what is number 7?\nA:")


def test_the_most_confident_hundredth_is_scored_on_its_own(context: Context) -> None:
    protocol = by_name(free_text.PROTOCOLS["questions"], "paper-1")
    built = protocol.build_requests(QUESTIONS, context)

    def answer(i: int, _: int) -> Answer:
        return Answer(-float(i), 3, text=f" The Answer {i}!\nQ:" if i % 2 else " wrong")

    every, confident = result_of(protocol, built, answer).scores
    assert (every.value, every.n) == (50.0, 200)
    assert (confident.value, confident.n) == (50.0, 2)
    assert confident.metric == "exact_match_of_most_confident_1%"


def test_the_harness_compares_questions_without_case_and_articles(context: Context) -> None:
    protocol = by_name(free_text.PROTOCOLS["questions"], "lm-eval-1")
    built = protocol.build_requests([Question("who", ("The Beatles",))], context)
    assert result_of(protocol, built, lambda *_: written(" beatles")).scores[0].value == 100.0
    assert (
        result_of(protocol, built, lambda *_: written(" the  beatles")).scores[0].value == 0.0
    )  # two spaces
