"""GPT-2's benchmarks (GPT-2 §3): their files, their places on the hub, their protocols."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final, Literal

from gpt_toolkit.evaluation import benchmark_files, free_text, lambada, megatron_detokenizers, multiple_choice
from gpt_toolkit.evaluation.benchmark import Benchmark, text_benchmark
from gpt_toolkit.evaluation.detokenizers import ONE_BILLION_WORDS, PENN_TREEBANK, WIKITEXT
from gpt_toolkit.evaluation.item_sources import Files, Format, Hub, Variant
from gpt_toolkit.evaluation.items import (
    Cloze,
    Document,
    LastWord,
    Question,
    Schema,
    Summary,
    Translation,
)
from gpt_toolkit.evaluation.perplexity import Corpus

# Records of the hub


def _each(make: Callable[[Mapping[str, Any]], Any]) -> Callable[[Iterable[Mapping[str, Any]]], list[Any]]:
    return lambda records: [make(record) for record in records]


def _hub_lines(records: Iterable[Mapping[str, Any]]) -> list[Document]:
    """Lines of WikiText on the hub; an empty one stands for a line with one blank."""
    return benchmark_files.articles([record["text"] or " \n" for record in records])


def _hub_sentences(field: str, before: str, after: str) -> Callable[[Iterable[Mapping[str, Any]]], Any]:
    """Lines as the published file has them: the hub's lack what stands around each."""
    return lambda records: [Document(f"{before}{record[field].strip()}{after}") for record in records]


def _hub_schema(record: Mapping[str, Any]) -> Schema:
    text, start, pronoun = record["text"], record["pronoun_loc"], record["pronoun"]
    rest = text[start + len(pronoun) :]
    return benchmark_files.substituted(text[:start], pronoun, rest, record["options"], record["label"])


def _hub_cloze(record: Mapping[str, Any]) -> Cloze:
    candidates = tuple(record["options"])
    answer = candidates.index(record["answer"])
    return Cloze(tuple(record["sentences"]), record["question"], answer, candidates, tokenized=True)


def _hub_conversation(record: Mapping[str, Any]) -> Any:
    questions = [{"input_text": question} for question in record["questions"]]
    answers = [{"input_text": answer} for answer in record["answers"]["input_text"]]
    return benchmark_files.conversation(
        {"story": record["story"], "questions": questions, "answers": answers}
    )


def _hub_pair(source: str, target: str) -> Callable[[Mapping[str, Any]], Translation]:
    return lambda record: Translation(record["translation"][source], record["translation"][target])


# GPT-2 §3


def _lambada() -> Benchmark:
    source = Files(
        "lambada",
        ("lambada",),
        (
            Format(
                ("lambada_test*.jsonl", "*lambada*.jsonl", "test.jsonl"),
                benchmark_files.has_fields("text"),
                benchmark_files.read_lambada,
            ),
        ),
        (
            Variant(
                "OpenAI's LAMBADA test",
                5153,
                "4aa8d02cd17c719165fc8a7887fddd641f43fcafa4b1c806ca8abc31fabdb226",
            ),
        ),
        "lambada_test.jsonl (OpenAI's; the original file is lambada_original)",
        hub=Hub("EleutherAI/lambada_openai", "default", "test", _each(lambda row: LastWord(row["text"]))),
    )
    return Benchmark("lambada", "GPT-2 §3.3", source, lambada.PROTOCOLS)


def _lambada_original() -> Benchmark:
    source = Files(
        "lambada_original",
        ("lambada", "lambada_original"),
        (
            Format(
                ("lambada_test_plain_text.txt", "lambada*.txt", "test.txt"),
                benchmark_files.is_plain_lambada,
                benchmark_files.read_plain_lambada,
            ),
        ),
        (
            Variant("the original LAMBADA test, lower case and tokenized", 5153),
            Variant(
                "the original LAMBADA development file",
                4869,
                remark="scored on development rows, not on the test",
            ),
        ),
        "lambada_test_plain_text.txt (zenodo 2630551)",
        hub=Hub(
            "cimec/lambada", "", "test", _each(lambda row: LastWord(row["text"].strip(), tokenized=True))
        ),
    )
    return Benchmark("lambada_original", "GPT-2 §3.3", source, lambada.PROTOCOLS)


def _cbt(kind: str) -> Benchmark:
    name = f"cbt_{kind.lower()}"
    form = Format(
        tuple(f"cbt*_{kind}_{split}*.txt" for split in ("valid", "test")),
        benchmark_files.is_cbt,
        benchmark_files.read_cbt,
    )
    source = Files(
        name,
        ("cbt", name, "CBTest", "CBTest/data"),
        (form,),
        (
            Variant(f"CBT-{kind} validation", 2000),
            Variant(
                f"CBT-{kind} test",
                2500,
                remark="scored on test rows; the paper took validation, as WebText has a test book",
            ),
        ),
        f"cbtest_{kind}_valid_2000ex.txt",
        hub=Hub("cam-cst/cbt", kind, "validation", _each(_hub_cloze)),
    )
    return Benchmark(name, "GPT-2 §3.2", source, multiple_choice.CLOZE)


_wikitext = Corpus(WIKITEXT, megatron_detokenizers.wikitext, True, True, "word_perplexity")
_WIKITEXT_VALID = Variant("WikiText validation", 3760, remark="scored on validation text, not on the test")
_WIKITEXT_FILES: Final = MappingProxyType(
    {
        "wikitext2": "d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0",
        "wikitext2_raw": "173c87a53759e0201f33e0ccf978e510c2042d7f2cb78229d9a50d79b9e7dd08",
        "wikitext103": "",
        "wikitext103_raw": "",
    }
)


def _wikitext_benchmark(name: str, checksum: str) -> Benchmark:
    number = "103" if "103" in name else "2"
    raw = name.endswith("raw")
    names = ("wiki.test.raw", "test.txt") if raw else ("wiki.test.tokens", "test.txt", "wiki.test.raw")
    recognizes = benchmark_files.is_raw_wikitext if raw else benchmark_files.has_unknowns
    config = f"wikitext-{number}{'-raw' if raw else ''}-v1"
    source = Files(
        name,
        (f"wikitext{number}", f"wikitext-{number}", name, config),
        (Format((*names, "*valid*"), recognizes, benchmark_files.read_wikitext),),
        (Variant(f"WikiText-{number} test{', raw' if raw else ''}", 4358, checksum), _WIKITEXT_VALID),
        names[0],
        "lines",
        Hub("Salesforce/wikitext", config, "test", _hub_lines),
    )
    return text_benchmark(name, "GPT-2 §3.1", source, _wikitext)


def _ptb() -> Benchmark:
    source = Files(
        "ptb",
        ("ptb", "penn", "simple-examples/data"),
        (
            Format(
                ("ptb.test.txt", "test.txt", "ptb.valid.txt"),
                benchmark_files.is_ptb,
                benchmark_files.read_lines,
            ),
        ),
        (
            Variant(
                "Mikolov's Penn Treebank test",
                3761,
                "dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0",
            ),
            Variant(
                "Mikolov's Penn Treebank validation",
                3370,
                "c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2",
                "scored on validation text, not on the test",
            ),
        ),
        "ptb.test.txt",
        "lines",
        Hub(
            "ptb-text-only/ptb_text_only",
            "penn_treebank",
            "test",
            _hub_sentences("sentence", " ", " \n"),
            converted=True,
        ),
    )
    corpus = Corpus(PENN_TREEBANK, megatron_detokenizers.ptb, True, True, "word_perplexity")
    return text_benchmark("ptb", "GPT-2 §3.1", source, corpus)


def _wikipedia(name: Literal["enwik8", "text8"]) -> Benchmark:
    recognizes = benchmark_files.is_enwik8 if name == "enwik8" else benchmark_files.is_text8
    source = Files(
        name,
        (name,),
        (Format((name, f"{name}.txt"), recognizes, benchmark_files.read_tail),),
        (Variant(f"{name} (mattmahoney.net), of which the last 5,000,000 bytes are read", 100_000_000),),
        f"{name}, unpacked",
        "bytes",
        Hub("LTCB/enwik8", "enwik8-raw", "train", benchmark_files.tail_of, converted=True)
        if name == "enwik8"
        else Hub("afmck/text8", "", "test", benchmark_files.tail_of),
    )
    corpus = Corpus(
        detokenizer=None,
        published=None,
        in_parts=False,
        line_ends=False,
        headline="bits_per_byte" if name == "enwik8" else "bits_per_character",
    )
    return text_benchmark(name, "GPT-2 §3.1", source, corpus)


def _one_billion() -> Benchmark:
    source = Files(
        "1bw",
        ("1bw", "lm1b", "1-billion-word-language-modeling-benchmark-r13output"),
        (
            Format(
                ("news.en.heldout-*", "*heldout*", "test.txt"),
                benchmark_files.is_lines,
                benchmark_files.read_lines,
            ),
        ),
        (Variant("the whole held-out set", 306_688),),
        "news.en.heldout-00000-of-00050, or the whole held-out set in one file",
        "lines",
        Hub("dvruette/lm1b", "", "test", _hub_sentences("text", "", "\n")),
    )
    corpus = Corpus(ONE_BILLION_WORDS, None, False, True, "word_perplexity")
    return text_benchmark("1bw", "GPT-2 §3.1", source, corpus)


def _winograd() -> Benchmark:
    is_xml: Callable[[str], bool] = lambda head: "<schema>" in head  # noqa: E731
    source = Files(
        "winograd",
        ("winograd", "wsc", "wsc273"),
        (
            Format(("WSCollection.xml", "*.xml"), is_xml, benchmark_files.read_schemas_xml),
            Format(
                ("*.jsonl",),
                benchmark_files.has_fields("context_options", "gold"),
                benchmark_files.read_schemas_jsonl,
            ),
        ),
        (
            Variant(
                "the collection, of which the first 273 schemas are WSC273",
                283,
                "29939d96035c7459c4a663f70649fbdf7701617292c7eef43549e9cd42f1f360",
            ),
            Variant("WSC273", 273, "746336c27cd2e39a554cb1b8b4869d0f1ae2577ac5bfe799842d26bca5a5bf5e"),
        ),
        "WSCollection.xml",
        "schemas",
        Hub("lighteval/winograd_wsc", "wsc273", "test", _each(_hub_schema)),
    )
    heuristic = replace(multiple_choice.RESOLUTION[0], name="gpt1")
    return Benchmark("winograd", "GPT-2 §3.4", source, (*multiple_choice.SCHEMAS, heuristic))


def _coqa() -> Benchmark:
    source = Files(
        "coqa",
        ("coqa",),
        (
            Format(
                ("coqa-dev*.json", "*coqa*.json", "dev.json"),
                benchmark_files.has_fields("data"),
                benchmark_files.read_coqa,
            ),
        ),
        (Variant("CoQA's development set", 500),),
        "coqa-dev-v1.0.json",
        "conversations",
        Hub("stanfordnlp/coqa", "", "validation", _each(_hub_conversation)),
    )
    return Benchmark("coqa", "GPT-2 §3.5", source, free_text.CONVERSATION)


def _cnn_dm() -> Benchmark:
    sample = "98daae8a5e386b7e6413a76bb574a799dc22985c55cf847b62103dd6324c5d90"
    source = Files(
        "cnn_dm",
        ("cnn_dm", "cnn_dailymail"),
        (Format(("test.csv", "*.csv"), benchmark_files.is_summaries, benchmark_files.read_summaries),),
        (
            Variant("CNN/Daily Mail test", 11_490),
            Variant("CNN/Daily Mail validation", 13_368, remark="scored on validation rows, not on the test"),
            Variant(
                "100 rows of CNN/Daily Mail training", 100, sample, "scored on training rows, not on the test"
            ),
        ),
        "test.csv with the columns article and highlights",
        hub=Hub(
            "abisee/cnn_dailymail",
            "3.0.0",
            "test",
            _each(lambda row: Summary(row["article"], row["highlights"])),
        ),
    )
    return Benchmark("cnn_dm", "GPT-2 §3.6", source, free_text.SUMMARIES)


def _wmt14(source: str, target: str) -> Benchmark:
    name = f"wmt14_{source}_{target}"
    names = ("newstest2014*.en", "*newstest2014*.en", "test_2016_flickr.en", "*.en")
    languages = {"en": "English", "fr": "French"}
    files = Files(
        name,
        ("wmt14", "wmt14_en_fr", name, "multi30k_en_fr"),
        (Format(names, benchmark_files.is_lines, benchmark_files.read_pairs(source, target)),),
        (
            Variant("newstest2014", 3003),
            Variant(
                "Multi30k test 2016",
                1000,
                "399a4382932c1aadd3ceb9bef1008d388a64c76d4ae4e9d4728c6f4301cac182",
                "scored on Multi30k's image captions, which stand in for WMT14's news and are simpler",
            ),
        ),
        "newstest2014.en and newstest2014.fr, line by line",
        "lines",
        Hub("wmt/wmt14", "fr-en", "test", _each(_hub_pair(source, target))),
    )
    return Benchmark(name, "GPT-2 §3.7", files, free_text.translation(languages[source], languages[target]))


def _natural_questions() -> Benchmark:
    source = Files(
        "natural_questions",
        ("natural_questions", "nq_open"),
        (
            Format(
                ("NQ-open.dev.jsonl", "*.jsonl"),
                benchmark_files.has_fields("question", "answer"),
                benchmark_files.read_questions,
            ),
        ),
        (
            Variant(
                "NQ-open development",
                3610,
                "f15567f38099f3615f5b8a685c0aef449c11ad90d3da3735e8d1b98115b40616",
            ),
        ),
        "NQ-open.dev.jsonl",
        hub=Hub(
            "google-research-datasets/nq_open",
            "",
            "validation",
            _each(lambda row: Question(row["question"], tuple(row["answer"]))),
        ),
    )
    return Benchmark("natural_questions", "GPT-2 §3.8", source, free_text.QUESTIONS)


BENCHMARKS: Final = (
    _lambada(),
    _lambada_original(),
    _cbt("CN"),
    _cbt("NE"),
    *(_wikitext_benchmark(name, checksum) for name, checksum in _WIKITEXT_FILES.items()),
    _ptb(),
    _wikipedia("enwik8"),
    _wikipedia("text8"),
    _one_billion(),
    _winograd(),
    _coqa(),
    _cnn_dm(),
    _wmt14("en", "fr"),
    _wmt14("fr", "en"),
    _natural_questions(),
)
