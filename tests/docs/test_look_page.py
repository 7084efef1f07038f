"""The page of ``gpt-toolkit look`` in a real browser: width, errors, keyboard, and what axe finds."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.generation.language_model import LanguageModel
from gpt_toolkit.interpretability.look_report import look
from gpt_toolkit.tokenizers import load_tokenizer

sync_api = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.site

TEXT = "Hanna had a round pitcher.\n\nEmil had it."


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    model = LanguageModel(
        Decoder(DecoderConfig(vocab_size=4096, n_ctx=64, n_layer=12, n_head=12, n_embd=48)),
        load_tokenizer("storyworld"),
    )
    path = tmp_path_factory.mktemp("look") / "look.html"
    other = TEXT.replace("Emil", "Anna")
    look(model, TEXT, title="a model", output=path, other_text=other, answers=(" a", " the"))
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert program, "no Chromium on this machine; Debian's: apt-get install chromium"
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


def opened(browser: Any, path: Path, scheme: str = "light", width: int = 1280) -> tuple[Any, list[str]]:
    """Return the page in a new tab, and a list of its errors and requests."""
    tab = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 844}).new_page()
    faults: list[str] = []
    tab.on("console", lambda message: faults.append(message.text))
    tab.on("pageerror", lambda error: faults.append(str(error)))
    tab.on("request", lambda request: None if request.url == path.as_uri() else faults.append(request.url))
    tab.goto(path.as_uri())
    return tab, faults


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_loads_without_a_fault_and_fits(browser: Any, path: Path, scheme: str, width: int) -> None:
    from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-not-found, unused-ignore]

    tab, faults = opened(browser, path, scheme, width)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    found = Axe().run(tab).response["violations"]
    assert [f"{each['id']}: {each['nodes'][0]['html']}" for each in found] == []
    assert faults == []


def test_arrow_keys_choose_tokens_and_heads(browser: Any, path: Path) -> None:
    tab, faults = opened(browser, path)
    assert tab.text_content("#selected") == "What comes next"
    chosen = tab.locator("#text [tabindex='0']")
    chosen.focus()
    tab.keyboard.press("Home")
    assert tab.text_content("#text [aria-selected=true]") == tab.evaluate("data.pieces[1]")
    assert " bits, rank " in tab.text_content("#selected")
    tab.keyboard.press("ArrowRight")
    assert tab.evaluate("document.activeElement.dataset.k") == "2"
    assert tab.locator("#alternatives tr").count() == 5
    assert tab.locator("#layers tr").count() == 13
    tab.locator("#heads button[tabindex='0']").focus()
    tab.keyboard.press("Home")
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("ArrowRight")
    assert tab.text_content("#head") == "h.1 head 1"
    tab.get_by_role("radio", name="induction").check()
    scores = tab.evaluate("heads.map(item => +item.textContent)")
    strongest = tab.locator("#heads [aria-pressed=true]")
    assert strongest.count() == 1
    assert float(strongest.text_content()) == max(scores)
    assert faults == []
