"""The score of every benchmark under every protocol on one seeded model, as recorded."""

from __future__ import annotations

import csv
import io
import json
import string
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gpt_toolkit import LanguageModel, load_tokenizer
from gpt_toolkit.cli import main
from tests.golden.material import (
    KINDS,
    NAMES,
    NOUNS,
    PLACES,
    VERBS,
    WORDS,
    assert_same,
    decoder_of,
    kept,
    rounded,
    sentences,
)

ROWS = 6
TASKS = ("acceptability", "sentiment", "entailment", "paraphrase", "similarity", "reading", "endings")
PROMPTS = ",".join(f"prompt:storyworld:{task}" for task in TASKS)
CASES: dict[str, tuple[str, ...]] = {
    "gpt2": ("--benchmarks", "gpt2"),
    "gpt1": ("--benchmarks", "gpt1"),
    "storyworld": ("--benchmarks", "storyworld"),
    "supervised sets as text": ("--benchmarks", PROMPTS),
    "own": ("--benchmarks", "{root}/own.yaml,prompt:{root}/answers.csv"),
    "other strides": (
        *("--benchmarks", "wikitext2,ptb,storyworld:text"),
        *("--protocols", "hf-strided-1:16:48,hf-strided-1:7"),
    ),
    "examples in context": (
        *(
            "--benchmarks",
            f"coqa,wmt14_en_fr,natural_questions,storyworld:questions,{PROMPTS}",
        ),
        *("--n_examples", "2", "--seed", "3"),
    ),
}


# A model whose answers are words, so that texts have something in common with what is right


def write_model(folder: Path) -> Path:
    """Save a model of bytes and the sentences' words; words are more probable than their pieces."""
    signs = [*range(33, 127), *range(161, 173), *range(174, 256)]  # GPT-2's names of the bytes
    others = [byte for byte in range(256) if byte not in signs]
    names = {byte: chr(byte) for byte in signs} | {byte: chr(256 + n) for n, byte in enumerate(others)}
    blank = names[ord(" ")]
    vocabulary = [names[byte] for byte in range(256)]
    merges = []
    for word in WORDS:
        left = blank
        for letter in word:
            if left + letter not in vocabulary:
                merges.append(f"{left} {letter}")
                vocabulary.append(left + letter)
            left += letter
    vocabulary.append("<|endoftext|>")
    files = folder / "tokenizer"
    files.mkdir()
    ids = {token: number for number, token in enumerate(vocabulary)}
    (files / "vocab.json").write_text(json.dumps(ids), encoding="utf-8")
    (files / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]), encoding="utf-8")
    decoder = decoder_of(5, std=0.35, vocab_size=len(vocabulary), n_ctx=160, n_embd=32)
    whole = {ids[blank + word] for word in WORDS} | {ids[names[ord(sign)]] for sign in ".\n"}
    for number in range(len(vocabulary)):
        if number not in whole:
            decoder.wte.weight.data[number] *= 0.3
    LanguageModel(decoder, load_tokenizer(files)).save(folder / "model")
    return folder / "model"


# Files in the forms that they are published in


def write_files(root: Path) -> None:
    """Write a few rows of every benchmark that needs files."""
    told = sentences(40, seed=1)
    tokenized = [text.replace(".", " .").lower() for text in told]

    def write(name: str, text: str) -> None:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")

    def lines(rows: list[Any]) -> str:
        return "".join(json.dumps(row) + "\n" for row in rows)

    last = (
        "watched",
        "walnut",
        "at",
        "painted",
        "broken",
        "lantern",
    )  # right, of several tokens, a stop word
    passages = [f"{told[2 * n]} {told[2 * n + 1]} The {last[n]}" for n in range(ROWS)]
    write("lambada/lambada_test.jsonl", lines([{"text": text} for text in passages]))
    last = ("walnut", "broken", "letter", "old", "old", "lantern")  # "letter" where no stop word may be
    plain = [f"{tokenized[n]} it did n't see the {word}\n" for n, word in enumerate(last)]
    write("lambada/lambada_test_plain_text.txt", "".join(plain))
    for kind, words in (("CN", NOUNS), ("NE", NAMES)):
        write(f"cbt/cbtest_{kind}_valid_2000ex.txt", _cloze(told, words))
    for number in ("2", "103"):
        write(f"wikitext{number}/wiki.test.tokens", _wikitext(tokenized[int(number) % 7 :], "<unk>"))
        write(f"wikitext{number}_raw/wiki.test.raw", _wikitext(tokenized[int(number) % 7 :], "1 @,@ 234"))
    treebank = [f" {text.removesuffix(' .')} N times <unk> " for text in tokenized[:9]]
    write("ptb/ptb.test.txt", "\n".join(treebank) + " \n")
    write("enwik8/enwik8", f"<mediawiki>\n<text>{' '.join(told[:9])} Über &lt;b&gt;</text>\n")
    kept_signs = set(string.ascii_lowercase + " ")
    write("text8/text8", "".join(sign for sign in " ".join(tokenized[:9]) if sign in kept_signs))
    write("1bw/news.en.heldout-00000-of-00050", "\n".join(t.replace(".", " .") for t in told[:12]) + "\n")
    write("winograd/WSCollection.xml", _schemas())
    write("coqa/coqa-dev-v1.0.json", json.dumps({"data": _conversations(told)}))
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(("id", "article", "highlights"))
    for n in range(ROWS):
        writer.writerow((n, " ".join(told[5 * n : 5 * n + 5]), f"{told[5 * n]}\n{told[5 * n + 3]}"))
    write("cnn_dm/test.csv", table.getvalue())
    write("wmt14/newstest2014.en", "\n".join(told[:ROWS]) + "\n")
    write("wmt14/newstest2014.fr", "\n".join([*told[11 : 10 + ROWS], WRITTEN]) + "\n")
    answers = [[f"the {NOUNS[n]}", NOUNS[n], *ANSWERED] for n in range(ROWS)]
    asked = [{"question": f"what did {NAMES[n % 5]} see", "answer": answers[n]} for n in range(ROWS)]
    write("natural_questions/NQ-open.dev.jsonl", lines(asked))
    for split in ("train", "dev"):
        judged = [f"x1\t{n % 3 and 1}\t\t{told[n + 5]}\n" for n in range(8)]
        write(f"cola/{split}.tsv", "".join(judged))
        judged = [f"{text}\t{n % 2}\n" for n, text in enumerate(tokenized[:8])]
        write(f"sst2/{split}.tsv", "sentence\tlabel\n" + "".join(judged))
    for split in ("train", "dev", "test"):
        for level in ("middle", "high"):
            write(f"race/{split}/{level}/1.txt", json.dumps(_passage(told, level)))
    write("dprd/test.c.txt", _resolution())
    write("own.yaml", OWN)
    rows = [{"name": NAMES[n % 5], "right": NOUNS[n], "wrong": NOUNS[n + 1]} for n in range(ROWS)]
    write("own.jsonl", lines(rows))
    write("answers.csv", "text,label\n" + "".join(f"{told[n]},{KINDS[n % 3]}\n" for n in range(30)))


# What this model happens to write, so that not every answer is wrong
WRITTEN = "old broken watched broken painted at broken at broken at broken watched broken"
ANSWERED = ("found broken broken",)

OWN = """\
name: seen
files: own.jsonl
kind: multiple_choice
prompt: "{name} found the"
choices: ["{right}", "{wrong}"]
answer: "{right}"
n_examples: 1
"""


def _cloze(told: list[str], words: tuple[str, ...]) -> str:
    draw = Random(len(words))
    blocks = []
    for n in range(ROWS):
        context = [f"{i + 1} {told[(n + i) % 40].replace('.', ' .')}\n" for i in range(20)]
        candidates = draw.sample([*words, *KINDS, *VERBS][:10], 10)
        query = f"21 The {KINDS[n % 5]} XXXXX was {PLACES[n % 4]} .\t{candidates[n]}\t\t"
        blocks.append("".join(context) + query + "|".join(candidates) + "\n\n")
    return "".join(blocks)


def _wikitext(tokenized: list[str], rare: str) -> str:
    parts = []
    for n in range(3):
        body, rest = " ".join(tokenized[5 * n : 5 * n + 4]), tokenized[n]
        parts.append(
            f" \n = Part {n} = \n \n {body} , and {rare} @-@ more . \n \n = = Rest = = \n \n {rest} \n"
        )
    return "".join(parts)


def _schemas() -> str:
    schemas = []
    for n in range(ROWS):
        first, second = NOUNS[n], NOUNS[(n + 3) % 8]
        schemas.append(
            f"<schema><text><txt1>Mira sold the {first} near the {second} and then</txt1><pron>it</pron>"
            f"<txt2>was {KINDS[n % 5]} {PLACES[n % 4]}.</txt2></text><answers><answer>The {first}</answer>"
            f"<answer>The {second}</answer></answers><correctAnswer>{'AB'[n % 2]}</correctAnswer></schema>\n"
        )
    return f'<?xml version="1.0"?>\n<collection>\n{"".join(schemas)}</collection>\n'


def _conversations(told: list[str]) -> list[dict[str, Any]]:
    def turns(texts: list[str]) -> list[dict[str, Any]]:
        return [{"input_text": text, "turn_id": n + 1} for n, text in enumerate(texts)]

    return [
        {
            "story": " ".join(told[3 * n : 3 * n + 3]),
            "questions": turns([f"Who {VERBS[n]} it?", f"Where was the {NOUNS[n]}?"]),
            "answers": turns([NAMES[n % 5], f"The {NOUNS[n]} was {PLACES[n % 4]}"]),
            "additional_answers": {"0": turns([f"{NAMES[n % 5]} did", PLACES[n % 4]])},
        }
        for n in range(ROWS)
    ]


def _passage(told: list[str], level: str) -> dict[str, Any]:
    first = len(level)
    return {
        "article": " ".join(told[first : first + 5]),
        "questions": ["What did they see ?", f"{NAMES[first % 5]} _ the lamp ."],
        "options": [[f"the {noun}" for noun in NOUNS[:4]], list(VERBS[:4])],
        "answers": ["B", "D"],
        "id": f"{level}1.txt",
    }


def _resolution() -> str:
    blocks = []
    for n in range(ROWS):
        first, second = NOUNS[n], NOUNS[(n + 3) % 8]
        blocks.append(
            f"The {first} was by the {second} because it was {KINDS[n % 5]}.\nit\nThe {first},the {second}\n"
            f"{f'The {first}' if n % 2 else f'the {second}'}\n"
        )
    return "\n".join(blocks)


def values(case: str, folder: Path) -> dict[str, list[Any]]:
    """Score the model: by benchmark, protocol and metric the value, interval, rows, chance and requests."""
    write_files(folder / "files")
    model, report = write_model(folder), folder / "report.json"
    options = [option.replace("{root}", str(folder / "files")) for option in CASES[case]]
    options += ["--root", str(folder / "files"), "--limit", str(ROWS), "--no_check_files"]
    assert main(["zero-shot", str(model), *options, "--output", str(report)]) == 0
    content = json.loads(report.read_text(encoding="utf-8"))
    found = {}
    for score in content["scores"]:
        benchmark, protocol = score["benchmark"].replace(str(folder), ""), score["protocol"]
        n_requests = content["protocols"][f"{score['benchmark']}/{protocol}"]["requests"]
        numbers = [
            None if score[key] is None else rounded(float(score[key]))
            for key in ("value", "interval", "chance")
        ]
        found[f"{benchmark}/{protocol}/{score['metric']}"] = [*numbers, score["n"], n_requests]
    return found


@pytest.mark.parametrize("case", CASES)
def test_scores_are_as_recorded(case: str, tmp_path: Path) -> None:
    assert_same(values(case, tmp_path), kept("scores")[case], rtol=2e-4, atol=1e-9)
