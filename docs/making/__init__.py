"""How the site is made: pages are run, turned into Markdown and given to MkDocs."""
