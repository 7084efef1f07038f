"""Use of trained models: classes of new texts, surprisal of words, minimal pairs."""
