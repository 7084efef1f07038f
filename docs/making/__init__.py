"""Tools that build the site: run pages, turn them into Markdown and give them to MkDocs."""
