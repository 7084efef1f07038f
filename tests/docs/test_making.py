"""Steps from pages to the site: execution, output, and errors."""

from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat")
pytest.importorskip("jupytext")
pytest.importorskip("latex2mathml")
pytest.importorskip("nbclient")

from docs.making import pages as making_pages  # noqa: E402
from docs.making.execution import chosen  # noqa: E402
from docs.making.formulas import with_formulas  # noqa: E402
from docs.making.markdown import joined, to_markdown  # noqa: E402
from docs.making.pages import Page, all_pages, for_download, read_page  # noqa: E402
from docs.making.source import write_source  # noqa: E402

SCRIPT = """\
# ---
# needs: [start/first]
# ---
# %% [markdown]
# # A title
# See [`load`][gpt_toolkit.generation.language_model.load].

# %% alt="A line." tags=["fold"]
x = 1

# %% language="bash"
# echo hello
"""


@pytest.fixture
def docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder of pages."""
    monkeypatch.setattr(making_pages, "DOCS", tmp_path)
    return tmp_path


def write(docs: Path, name: str, text: str = SCRIPT) -> Page:
    path = docs / f"{name}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return read_page(path)


def stream(text: str, name: str = "stdout") -> Any:
    return nbformat.v4.new_output("stream", text=text, name=name)


def test_a_script_becomes_a_valid_notebook(docs: Path) -> None:
    page = write(docs, "start/second")
    assert (page.name, page.needs, page.makes) == ("start/second", ("start/first",), ())
    notebook = page.notebook()
    nbformat.validate(notebook)
    markdown, code, shell = notebook.cells
    assert markdown.source.startswith("# A title")
    assert code.metadata["alt"] == "A line."
    assert shell.source == "%%bash\necho hello"


def test_the_download_has_no_reference_that_only_the_site_knows(docs: Path) -> None:
    notebook = for_download(write(docs, "start/second").notebook())
    assert notebook.cells[0].source == "# A title\nSee `load`."


def test_pages_come_after_those_that_they_need(docs: Path) -> None:
    write(docs, "start/second")
    write(docs, "start/third", "# ---\n# needs: [start/second]\n# ---\n# %%\n1\n")
    with pytest.raises(ValueError, match="start/second: needs start/first; expected an existing page"):
        all_pages()
    write(docs, "start/first", "# %%\n1\n")
    assert [*all_pages()] == ["start/first", "start/second", "start/third"]
    write(docs, "start/first", "# ---\n# needs: [start/third]\n# ---\n# %%\n1\n")
    with pytest.raises(ValueError, match="needs start/first; expected no cycle"):
        all_pages()


def test_a_header_with_an_unknown_key_is_refused(docs: Path) -> None:
    with pytest.raises(ValueError, match="header: makers; expected needs or makes"):
        write(docs, "start/second", "# ---\n# makers: [runs]\n# ---\n# %%\n1\n")


def test_what_is_printed_in_pieces_is_shown_as_a_terminal_would() -> None:
    pieces = [stream("step 1\r"), stream("step 2\r", "stderr"), stream("\x1b[1mdone\x1b[0m   \nend\n")]
    [output] = joined(pieces)
    assert (output.name, output.text) == ("stdout", "done\nend\n")


def test_code_and_outputs_become_markdown(docs: Path) -> None:
    notebook = write(docs, "start/second").notebook()
    notebook.cells[2].outputs = [stream("has ``` in it\n")]
    text = to_markdown(notebook, "start/second")
    assert '??? code "Code"\n\n    ```python\n    x = 1\n    ```' in text
    assert "```bash\necho hello\n```" in text
    assert "````text\nhas ``` in it\n````" in text


def test_a_figure_takes_the_ink_of_the_page_and_needs_words(docs: Path) -> None:
    notebook = write(docs, "start/second").notebook()
    svg = (
        '<?xml version="1.0"?>\n<svg><g id="a" style="fill: #010203"/><use href="#b" xlink:href="#a"/></svg>'
    )
    drawn = nbformat.v4.new_output("display_data", data={"image/svg+xml": svg})
    notebook.cells[1].outputs = [drawn]
    text = to_markdown(notebook, "start/second")
    assert '<svg role="img" aria-label="A line.">' in text
    assert 'id="start-second-1-a" style="fill: currentColor"' in text
    assert 'xlink:href="#start-second-1-a"' in text
    del notebook.cells[1].metadata["alt"]
    with pytest.raises(ValueError, match="give its cell an alt"):
        to_markdown(notebook, "start/second")


def test_formulas_become_mathml_or_are_refused() -> None:
    text = with_formulas("Where $x < y^2$ holds, `$x$` costs $5 or $6.\n\n$$P(a_1 | b)$$\n\n```\n$z$\n```\n")
    inline, block = text.split("<math")[1:]
    assert inline.startswith(' xmlns="http://www.w3.org/1998/Math/MathML" display="inline"')
    assert "<msup>" in inline
    assert "`$x$` costs $5 or $6." in inline
    assert 'display="block"' in block
    assert "|" not in block, "a bar would divide the cells of a table"
    assert "```\n$z$\n```" in block
    with pytest.raises(ValueError, match="expected simpler LaTeX"):
        with_formulas("$$\\begin{aligned} a &= b \\end{aligned}$$")


def test_the_source_is_plain_markdown_with_links_to_pages(docs: Path, tmp_path: Path) -> None:
    page = write(docs, "start/second")
    (docs / "index.md").write_text("See [a page](start/second.py#a) and $x$.\n", encoding="utf-8")
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "gone.md").write_text("old", encoding="utf-8")
    write_source(folder, {page.name: page}, docs)
    index = (folder / "index.md").read_text(encoding="utf-8")
    assert index.startswith('See [a page](start/second.md#a) and <span class="formula">')
    text = (folder / "start/second.md").read_text(encoding="utf-8")
    assert text.startswith('# A title\n\n<p class="facts">Download: ')
    assert "x = 1" in text
    nbformat.validate(
        nbformat.reads((folder / "start/second.ipynb").read_text(encoding="utf-8"), as_version=4)
    )
    assert (folder / "start/second.py").is_file()
    assert not (folder / "gone.md").exists()


def test_a_page_is_run_after_the_pages_that_it_needs(docs: Path) -> None:
    write(docs, "start/first", "# %%\n1\n")
    write(docs, "start/second")
    write(docs, "start/other", "# %%\n1\n")
    assert chosen(["start/second"], all_pages()) == {"start/first", "start/second"}
    assert len(chosen([], all_pages())) == 3
