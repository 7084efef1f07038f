"""Analyses of runs and texts: GPT-1's tables, scaling laws, n-gram baseline and overlap, run reports."""
