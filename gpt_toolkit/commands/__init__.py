"""Verbs that need no Trainer: each module declares its arguments and runs, importing what is heavy only then."""
