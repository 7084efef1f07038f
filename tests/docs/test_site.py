"""The built site in a real browser without a network: `nox -s docs`, then `nox -s site`."""

import json
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlparse

import pytest

sync_api = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.site

SITE = Path(__file__).resolve().parents[2] / "site"
PAGES = sorted(path.parent.relative_to(SITE).as_posix() for path in SITE.rglob("index.html"))
READ = [page for page in PAGES if not page.startswith("reference")]
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}


class Quiet(SimpleHTTPRequestHandler):
    """Request handler that serves files without logging."""

    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Serve the site; return its address."""
    assert PAGES, f"{SITE} holds no page: nox -s docs builds it"
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(SITE)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Start the system's Chromium (Debian: apt-get install chromium)."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert program, "no Chromium on this machine; Debian's: apt-get install chromium"
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


class Visit:
    """A page in the browser, and its errors."""

    def __init__(self, browser: Any, address: str, scheme: str, viewport: dict[str, int]) -> None:
        self.context = browser.new_context(color_scheme=scheme, viewport=viewport)
        self.address, self.faults = address, list[str]()
        self.context.route("**/*", self._only_from_the_site)
        self.tab = self.context.new_page()
        self.tab.on("console", self._heard)
        self.tab.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        self.tab.on("response", self._answered)

    def _only_from_the_site(self, route: Any) -> None:
        if route.request.url.startswith((self.address, "data:", "blob:")):
            route.continue_()
        else:
            self.faults.append(f"asks for {route.request.url}")
            route.abort()

    def _heard(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"console: {message.text}")

    def _answered(self, response: Any) -> None:
        if response.status >= 400:
            self.faults.append(f"{response.status}: {response.url}")

    def go(self, page: str) -> None:
        """Open a page."""
        self.tab.goto(urljoin(self.address, "" if page == "." else f"{page}/"), wait_until="load")


@pytest.fixture(scope="module")
def light(browser: Any, address: str) -> Visit:
    return Visit(browser, address, "light", DESK)


@pytest.fixture(scope="module")
def dark(browser: Any, address: str) -> Visit:
    return Visit(browser, address, "dark", DESK)


@pytest.fixture(scope="module")
def phone(browser: Any, address: str) -> Visit:
    return Visit(browser, address, "light", PHONE)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_loads_without_a_fault_and_asks_nobody_else(page: str, light: Visit) -> None:
    light.faults.clear()
    light.go(page)
    assert light.tab.locator("h1").count() == 1
    assert light.faults == []


@pytest.mark.parametrize("page", PAGES)
def test_a_page_fits_a_phone(page: str, phone: Visit) -> None:
    phone.go(page)
    wide = phone.tab.evaluate("document.documentElement.scrollWidth")
    assert wide <= PHONE["width"], f"{page} is {wide} pixels wide on a phone of {PHONE['width']}"


def serious(visit: Visit) -> list[str]:
    """Return axe's serious findings on the open page."""
    from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-not-found, unused-ignore]

    found = Axe().run(visit.tab).response["violations"]
    return [
        f"{fault['id']}: {fault['nodes'][0]['html'][:200]} ({len(fault['nodes'])} places)"
        for fault in found
        if fault["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("page", READ)
def test_nothing_keeps_a_reader_out(page: str, light: Visit) -> None:
    light.go(page)
    assert serious(light) == []


@pytest.mark.parametrize("page", READ)
def test_nothing_keeps_a_reader_out_in_the_dark(page: str, dark: Visit) -> None:
    dark.go(page)
    assert dark.tab.evaluate("document.body.dataset.mdColorScheme") == "slate"
    assert serious(dark) == []


def test_the_dark_can_be_chosen_and_is_remembered(light: Visit) -> None:
    light.go(".")
    light.tab.locator("label.md-header__button[for=__palette_1]").click()
    assert light.tab.evaluate("document.body.dataset.mdColorScheme") == "slate"
    light.go("start/quickstart")
    assert light.tab.evaluate("document.body.dataset.mdColorScheme") == "slate"
    light.tab.evaluate("localStorage.clear()")


def test_search_finds_perplexity(light: Visit) -> None:
    light.go(".")
    light.tab.locator(".md-search__input").fill("perplexity")
    results = light.tab.locator(".md-search-result__link")
    results.first.wait_for()
    assert any("perplexities" in results.nth(i).get_attribute("href") for i in range(results.count()))


class Links(HTMLParser):
    """Links and anchors of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.links, self.anchors = set[str](), set[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.anchors |= {value for value in (values.get("id"), values.get("name")) if value}
        self.links |= {values[name] or "" for name in ("href", "src") if values.get(name) and tag != "use"}


def test_no_link_is_broken() -> None:
    pages: dict[str, Links] = {}
    for page in PAGES:
        pages[page] = Links()
        pages[page].feed((SITE / page / "index.html").read_text(encoding="utf-8"))
    broken = []
    for page, found in pages.items():
        base = "http://site/" + ("" if page == "." else f"{page}/")
        for link in found.links:
            target, anchor = urldefrag(urljoin(base, link))
            if urlparse(target).netloc != "site":
                continue
            path = SITE / unquote(urlparse(target).path).lstrip("/")
            file = path / "index.html" if path.is_dir() else path
            name = path.relative_to(SITE).as_posix()
            known = name not in pages or not anchor or unquote(anchor) in pages[name].anchors
            if not file.is_file() or not known:
                broken.append(f"{page}: {link}")
    assert broken == []


def test_every_page_that_was_run_can_be_taken_along() -> None:
    nbformat = pytest.importorskip("nbformat")
    notebooks = sorted(SITE.rglob("*.ipynb"))
    assert notebooks
    for path in notebooks:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        assert path.with_suffix(".py").is_file()
        assert any(cell.outputs for cell in notebook.cells if cell.cell_type == "code")


def test_nothing_of_the_machine_that_built_it_is_told() -> None:
    told = json.dumps([path.read_text(encoding="utf-8") for path in SITE.rglob("*.html")])
    assert str(SITE.parent) not in told
