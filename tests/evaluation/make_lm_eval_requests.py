"""Write ``lm_eval_requests.json``: the requests of lm-eval 0.4.13, made by its own code.

    pip install lm-eval==0.4.13 transformers bert-score
    python tests/evaluation/make_lm_eval_requests.py ../shared/data

Needs no network: the data sets that lm-eval would download are made here, in the hub's format. Requests of
real rows are kept as a checksum, as their text does not belong into the project.
"""

import hashlib
import json
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import ModuleType
from typing import Any

import datasets
from lm_eval.tasks import TaskManager

HERE = Path(__file__).parent
STORY = "Ana has a red boat. Ben has none.\nThey sail at noon."


REAL = ["lambada_openai", "wikitext", "wsc273"]
MADE = ["coqa", "nq_open", "wmt14-en-fr", "wmt14-fr-en", "cnn_dailymail_abisee"]


def checksum(requests: list[Any]) -> str:
    """Return a checksum of requests as JSON."""
    return hashlib.sha256(json.dumps(requests, ensure_ascii=False).encode()).hexdigest()


def wsc273(path: Path) -> list[dict[str, Any]]:
    """Return examples in the form of the hub's ``winograd_wsc``."""

    def text(element: ElementTree.Element | None) -> str:
        return " ".join((element.text or "").split()) if element is not None else ""

    rows = []
    for schema in ElementTree.parse(path).getroot().iter("schema"):
        parts = [text(schema.find(f"text/{tag}")) for tag in ("txt1", "pron", "txt2")]
        rows.append(
            {
                "text": " ".join(parts).strip(),
                "pronoun": parts[1],
                "pronoun_loc": len(parts[0]) + 1 if parts[0] else 0,
                "options": [text(answer) for answer in schema.iter("answer")],
                "label": "AB".index(text(schema.find("correctAnswer"))[0]),
            }
        )
    return rows[:273]


def articles(text: str) -> list[str]:
    """Return WikiText's pages as the hub's ``wikitext_document_level`` divides the file."""
    pages: list[str] = []
    lines: list[str] = []
    for line in text.split("\n"):
        heading = line.replace("= = =", "===").replace("= =", "==").strip()
        if heading.startswith("= ") and heading.endswith(" ="):
            if "\n".join(lines).strip():
                pages.append("\n".join(lines))
            lines = []
        lines.append(line)
    return [*pages, "\n".join(lines)]


def made(root: Path) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Make the splits of each dataset, by lm-eval's name of it."""
    lambada = [json.loads(line) for line in (root / "lambada/lambada_test.jsonl").open(encoding="utf-8")]
    raw = (root / "wikitext2/wiki.test.raw").read_text(encoding="utf-8")
    pages = [{"page": page} for page in articles(raw)]
    coqa = {
        "id": "1",
        "source": "made",
        "story": STORY,
        "questions": {"input_text": ["Who has a boat?", "Of what color?"]},
        "answers": {"input_text": ["Ana", "red"], "answer_start": [0, 10], "answer_end": [3, 13]},
        "additional_answers": {
            "0": {"input_text": ["Ana does", "a red one"]},
            "1": {"input_text": ["ana", "Red"]},
        },
    }
    pair = {"translation": {"en": "A dog runs.", "fr": "Un chien court."}}
    question = {"question": "who wrote the book", "answer": ["Ana Lee", "Ana B. Lee"]}
    return {
        "EleutherAI/lambada_openai": {"test": lambada},
        "EleutherAI/wikitext_document_level": dict.fromkeys(("train", "validation", "test"), pages),
        "lighteval/winograd_wsc": {"test": wsc273(root / "wsc/WSCollection.xml")},
        "EleutherAI/coqa": {"train": [coqa], "validation": [coqa]},
        "google-research-datasets/nq_open": {"train": [question], "validation": [question]},
        "wmt/wmt14": {"train": [pair], "validation": [pair], "test": [pair]},
        "abisee/cnn_dailymail": {
            "test": [{"article": "Ana won. Ben lost.", "highlights": "Ana won.", "id": "1"}]
        },
    }


def main() -> None:
    """Collect lm-eval's requests of each task, and write them."""
    rows = made(Path(sys.argv[1]))
    for name in ("transformers.data.metrics", "transformers.data.metrics.squad_metrics"):
        sys.modules[name] = ModuleType(name)  # CoQA's judge imports them; transformers 5 has them no more
    datasets.load_dataset = lambda path, **_: datasets.DatasetDict(
        {split: datasets.Dataset.from_list(split_rows) for split, split_rows in rows[path].items()}
    )
    requests: dict[str, Any] = {}
    for name in REAL + MADE:
        task = TaskManager().load([name])["tasks"][name]
        found = [[list(instance.args) for instance in _instances(task, doc)] for doc in task.eval_docs]
        requests[name] = checksum(found) if name in REAL else found
    (HERE / "lm_eval_requests.json").write_text(
        json.dumps(requests, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )


def _instances(task: Any, doc: dict[str, Any]) -> list[Any]:
    context = task.fewshot_context(doc, 0)
    made = task.construct_requests(doc, context, metadata=(task.config.task, 0, 1))
    return made if isinstance(made, list) else [made]


if __name__ == "__main__":
    main()
