"""Scaling laws: loss as a power law of parameters, training tokens or compute (GPT-2 Figures 1 and 4).

``kaplan`` has the forms of Kaplan et al. 2020, eq. 1.1 to 1.3 and 1.5: the loss falls to zero. ``chinchilla``
has those of Hoffmann et al. 2022, eq. 2: it falls to an irreducible loss E. Laws are fitted to logarithms.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats

Law = Literal["kaplan", "chinchilla"]
Over = Literal["parameters", "tokens", "compute", "both"]
Floats = NDArray[np.float64]

INPUTS: Final[Mapping[Over, tuple[str, ...]]] = {
    "parameters": ("N",),
    "tokens": ("D",),
    "compute": ("C",),
    "both": ("N", "D"),
}
"""Variables of a law: parameters N, tokens D, training FLOPs C."""

HUBER_DELTA: Final = 0.01  # tuned here: least squares for usual runs; Hoffmann et al. take 1e-3 for hundreds
N_DRAWS: Final = 400  # tuned here: the ends of the intervals vary by about a tenth of their width
_SYMBOLS = {"N": ("A", "alpha"), "D": ("B", "beta"), "C": ("G", "gamma")}  # of Hoffmann et al.; G: named here
_EXPONENTS = (0.05, 0.2, 0.6)  # where fits start; published exponents lie between 0.05 and 0.5
_FLOORS = (0.02, 0.4, 0.7, 0.9, 0.98)  # where fits start: fractions of the lowest loss
_TOLERANCE = 1e-10  # tuned here: at 1e-8 some refits end early, and intervals are too narrow


class Point(NamedTuple):
    """A trained model.

    Attributes:
        name: Name for tables.
        n_params: Parameters without embeddings.
        n_tokens: Training tokens.
        flops: Training operations.
        loss: Validation loss in nats per token.
    """

    name: str
    n_params: float
    n_tokens: float
    flops: float
    loss: float


class Interval(NamedTuple):
    """A value and its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ScalingLaw:
    """A fitted law.

    Attributes:
        law: ``kaplan`` or ``chinchilla``.
        over: Name of the variables.
        center: Mean logarithm of each variable; the coordinates of the fit begin there.
        scale: Lowest loss fitted; the irreducible loss is a fraction of it.
        theta: Log of the term and exponent, for each variable; then for ``chinchilla`` that fraction.
        draws: ``theta`` of refits to simulated losses, ``(draws, n)``.
        residuals: Log of each fitted loss minus that of its prediction.
        noise: Log standard deviation of one run.
    """

    law: Law
    over: Over
    center: Floats
    scale: float
    theta: Floats
    draws: Floats
    residuals: Floats
    noise: float

    def predict(self, inputs: ArrayLike) -> Floats:
        """Return losses in nats per token of inputs ``(variables, n)``."""
        return np.exp(self._log_losses(self.theta, inputs))

    def band(self, inputs: ArrayLike) -> tuple[Floats, Floats]:
        """Return the ends of the 95% intervals of the curve at inputs ``(variables, n)``."""
        curves = np.array([self._log_losses(draw, inputs) for draw in self.draws])
        low, high = np.exp(np.percentile(curves, [2.5, 97.5], axis=0))
        return low, high

    def predict_run(self, inputs: ArrayLike) -> Interval:
        """Return the loss of a new run at inputs ``(variables,)``, with its prediction interval."""
        column = np.asarray(inputs, dtype=float).reshape(-1, 1)
        curves = np.array([self._log_losses(draw, column)[0] for draw in self.draws])
        wide = self.noise * _widening(len(self.residuals) - len(self.theta))
        outcomes = curves + np.random.default_rng(1).normal(0.0, wide, curves.shape)
        low, high = np.exp(np.percentile(outcomes, [2.5, 97.5]))
        return Interval(float(self.predict(column)[0]), float(low), float(high))

    def constants(self) -> dict[str, Interval]:
        """Return the constants of the published form, by symbol."""
        best = self._constants_of(self.theta)
        draws = [list(self._constants_of(draw).values()) for draw in self.draws]
        lows, highs = np.percentile(draws, [2.5, 97.5], axis=0, method="nearest")  # some may be infinite
        return {
            name: Interval(value, float(low), float(high))
            for (name, value), low, high in zip(best.items(), lows, highs, strict=True)
        }

    def formula(self) -> str:
        """Return the law in the symbols of its paper."""
        variables = INPUTS[self.over]
        arguments = ", ".join(variables)
        if self.law == "chinchilla":
            terms = [f"{a} / {x}^{exponent}" for x, (a, exponent) in _SYMBOLS.items() if x in variables]
            return f"L({arguments}) = E + {' + '.join(terms)}"
        if self.over == "both":
            return "L(N, D) = ((N_c / N)^(alpha_N / alpha_D) + D_c / D)^alpha_D"
        [x] = variables
        return f"L({x}) = ({x}_c / {x})^alpha_{x}"

    @property
    def irreducible_loss(self) -> float:
        """The loss that no model reaches; 0 for ``kaplan``."""
        return self._constants_of(self.theta).get("E", 0.0)

    @property
    def aicc(self) -> float:
        """Akaike's criterion with its correction for few runs; infinite if there are too few."""
        n, k = len(self.residuals), len(self.theta) + 1  # the noise is a constant, too
        if n - k - 1 < 1:
            return math.inf
        variance = max(float(np.mean(self.residuals**2)), 1e-24)
        return n * math.log(variance) + 2 * k + 2 * k * (k + 1) / (n - k - 1)

    def _log_losses(self, theta: Floats, inputs: ArrayLike) -> Floats:
        logs = np.log(np.asarray(inputs, dtype=float)) - self.center[:, None]
        return _log_losses(self.law, theta, logs) + math.log(self.scale)

    def _constants_of(self, theta: Floats) -> dict[str, float]:
        found: dict[str, float] = {}
        if self.law == "chinchilla":
            found["E"] = self.scale * float(theta[-1]) if theta[-1] > 1e-6 else 0.0  # a fit at its bound
        for i, x in enumerate(INPUTS[self.over]):
            height, exponent = theta[2 * i] + math.log(self.scale), float(theta[2 * i + 1])
            if self.law == "chinchilla":
                factor, power = _SYMBOLS[x]
                found |= {factor: _exp(height + exponent * self.center[i]), power: exponent}
            else:
                critical = _exp(height / max(exponent, 1e-9) + self.center[i])
                found |= {f"{x}_c": critical, f"alpha_{x}": exponent}
        return found


def inputs_of(points: Sequence[Point], over: Over) -> Floats:
    """Return the variables of a law for runs: ``(variables, n)``."""
    fields = {"N": "n_params", "D": "n_tokens", "C": "flops"}
    return np.array([[getattr(point, fields[x]) for point in points] for x in INPUTS[over]], dtype=float)


def _n_constants(law: Law, over: Over) -> int:
    return 2 * len(INPUTS[over]) + (law == "chinchilla")


def fit_law(
    points: Sequence[Point],
    law: Law,
    over: Over = "parameters",
    *,
    huber_delta: float = HUBER_DELTA,
    n_draws: int = N_DRAWS,
) -> ScalingLaw:
    """Fit a law to runs, with intervals.

    The Huber loss of the log residuals is minimized by ``scipy.optimize.least_squares`` from several starts.
    Intervals come from a parametric bootstrap: the law is fitted again to losses with normal noise in their
    logarithms. The noise has the residuals' size, widened as Student's t asks for few runs.

    Args:
        points: Runs with at least one distinct size more than the form has constants.
        law: ``kaplan`` or ``chinchilla``.
        over: Variables of the law.
        huber_delta: Log residual at which the loss becomes linear; infinite for least squares.
        n_draws: Number of simulated data sets.

    Raises:
        ValueError: If the runs are too few, or cannot determine the form.
    """
    _check_runs(points, law, over)
    logs = np.log(inputs_of(points, over))
    center = logs.mean(axis=1)
    logs = logs - center[:, None]
    losses = np.array([point.loss for point in points])
    scale = float(losses.min())
    targets = np.log(losses / scale)
    found = [_least(law, start, logs, targets, huber_delta) for start in _starts(law, logs, targets)]
    theta = min(found, key=lambda result: result[1])[0]
    if any(theta[1 : 2 * len(logs) : 2] < 1e-3):
        raise ValueError(
            f"{law} over {over}: the loss does not fall as they grow; expected larger runs to have lower "
            "losses; train the larger runs for longer, or choose another --over"
        )
    fitted = _log_losses(law, theta, logs)
    residuals = targets - fitted
    degrees = len(points) - len(theta)
    noise = math.sqrt(float(residuals @ residuals) / degrees)
    random = np.random.default_rng(0)
    wide = random.normal(0.0, noise * _widening(degrees), (n_draws, len(points)))
    draws = np.array([_least(law, theta, logs, fitted + errors, huber_delta)[0] for errors in wide])
    return ScalingLaw(law, over, center, scale, theta, draws, residuals, noise)


def choose_law(points: Sequence[Point], over: Over = "parameters", **options: Any) -> ScalingLaw:
    """Return the form with the lower AICc, ``kaplan`` where the runs are too few for ``chinchilla``.

    Args:
        points: Runs.
        over: Variables of the law.
        **options: As for :func:`fit_law`.
    """
    simple = fit_law(points, "kaplan", over, **options)
    if len(points) - _n_constants("chinchilla", over) < 3:
        return simple
    return min(simple, fit_law(points, "chinchilla", over, **options), key=lambda law: law.aicc)


class HeldOut(NamedTuple):
    """The prediction of the largest size by a law that was fitted without it.

    Attributes:
        law: The fitted law.
        points: The runs of the largest size.
        predicted: Loss of a run of that size, with its 95% prediction interval.
        measured: Mean loss of the runs.
    """

    law: ScalingLaw
    points: tuple[Point, ...]
    predicted: Interval
    measured: float

    @property
    def error(self) -> float:
        """Predicted minus measured loss, in nats per token."""
        return self.predicted.value - self.measured


def hold_out_largest(points: Sequence[Point], law: Law, over: Over = "parameters", **options: Any) -> HeldOut:
    """Fit a law without the largest size (of ``both``: the largest compute), and predict its loss.

    Args:
        points: Runs.
        law: ``kaplan`` or ``chinchilla``.
        over: Variables of the law.
        **options: As for :func:`fit_law`.

    Raises:
        ValueError: If the other runs cannot determine the form.
    """
    sizes = inputs_of(points, "compute" if over == "both" else over)[0]
    largest = tuple(point for point, size in zip(points, sizes, strict=True) if size == sizes.max())
    fitted = fit_law([point for point in points if point not in largest], law, over, **options)
    predicted = fitted.predict_run(inputs_of(largest[:1], over))
    return HeldOut(fitted, largest, predicted, float(np.mean([point.loss for point in largest])))


def _check_runs(points: Sequence[Point], law: Law, over: Over) -> None:
    """Raise ValueError if runs cannot determine a form."""
    inputs = inputs_of(points, over)
    n_sizes, needed = len(np.unique(inputs, axis=1).T), _n_constants(law, over) + 1
    if n_sizes < needed:
        what = "sizes and token counts" if over == "both" else f"different numbers of {over}"
        raise ValueError(
            f"{len(points)} runs: {n_sizes} {what}; expected at least {needed} for {law} over {over} "
            f"({needed - 1} constants); give more runs, or a form with fewer constants"
        )
    if over == "both":
        logs = np.log(inputs)
        centered = logs - logs.mean(axis=1, keepdims=True)
        sizes = np.linalg.svd(centered, compute_uv=False)
        if sizes[1] < 0.05 * sizes[0]:
            raise ValueError(
                "--over both: parameters and tokens grow together in these runs; expected them to vary "
                "independently; add runs of one size with other numbers of tokens, or choose --over compute"
            )


def _log_losses(law: Law, theta: Floats, logs: Floats) -> Floats:
    """Return log losses; ``logs`` holds the centered log inputs, ``(variables, n)``."""
    n = len(logs)
    heights, exponents = theta[0 : 2 * n : 2, None], theta[1 : 2 * n : 2, None]
    terms: Floats = heights - exponents * logs
    total: Floats
    if law == "kaplan":
        last = max(float(exponents[-1, 0]), 1e-9)
        total = terms[0] if n == 1 else last * np.logaddexp.reduce(terms / last, axis=0)
    else:
        floor = math.log(max(float(theta[-1]), 1e-300))
        total = np.logaddexp(np.logaddexp.reduce(terms, axis=0), floor)
    return total


def _starts(law: Law, logs: Floats, targets: Floats) -> list[Floats]:
    """Return values of theta from which the fit starts, so that it does not end in a local minimum."""
    n, starts = len(logs), []
    for exponents in itertools.product(_EXPONENTS, repeat=n):
        if law == "kaplan":
            height = float(targets.mean()) - exponents[-1] * math.log(n)
            starts.append(np.ravel([(height, exponent) for exponent in exponents]))
            continue
        for floor in _FLOORS:
            height = float(np.log((np.exp(targets) - floor) / n).mean())
            starts.append(np.append([(height, exponent) for exponent in exponents], floor))
    return starts


def _least(
    law: Law, start: Floats, logs: Floats, targets: Floats, huber_delta: float
) -> tuple[Floats, float]:
    """Return the theta that fits best near a start, and its cost."""
    n = len(logs)
    lower, upper = [-np.inf, 0.0] * n, [np.inf, 10.0] * n
    if law == "chinchilla":
        lower, upper = [*lower, 0.0], [*upper, 1.0 + 1e-9]
    result = optimize.least_squares(
        lambda theta: _log_losses(law, theta, logs) - targets,
        start,
        bounds=(lower, upper),
        **({} if math.isinf(huber_delta) else {"loss": "huber", "f_scale": huber_delta}),
        x_scale="jac",
        ftol=_TOLERANCE,
        xtol=_TOLERANCE,
        gtol=_TOLERANCE,
    )
    return result.x, float(result.cost)


def _widening(degrees: int) -> float:
    """Return how much wider Student's t is than the normal distribution at 95%."""
    return float(stats.t.ppf(0.975, degrees) / stats.norm.ppf(0.975))


def _exp(value: float) -> float:
    return math.exp(value) if value < 700 else math.inf
