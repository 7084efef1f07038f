"""Verbs that need no Trainer: each module declares its arguments and runs, importing heavy parts then."""
