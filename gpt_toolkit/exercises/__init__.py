"""Exercises: write a part of both papers' models; it runs inside the toolkit and is compared with its own.

An exercise is one file of ``problems/``: its text, then the function to write with its solution and typical
mistakes, each after a comment ``# %% solution`` or ``# %% mistake: <hint>``. The comparisons are in the
``*_checks`` modules, in a function of the same name.
"""

from gpt_toolkit.exercises.read_exercises import EXERCISES, Exercise, find_exercise

__all__ = ["EXERCISES", "Exercise", "find_exercise"]
