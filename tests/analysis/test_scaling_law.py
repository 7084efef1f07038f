import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import optimize, stats

from gpt_toolkit.analysis.scaling_law import (
    Law,
    Over,
    Point,
    choose_law,
    fit_law,
    hold_out_largest,
    inputs_of,
)

LADDER = [(10**exponent, 2e9) for exponent in (6, 6.5, 7, 7.5, 8, 8.5, 9)]
GRID = [(n, d) for n in (1e6, 1e7, 1e8, 1e9) for d in (1e8, 1e9, 1e10, 1e11)]

# Constants: Kaplan et al. 2020, eq. 1.1 to 1.3 and table 2; Hoffmann et al. 2022, eq. 10
FORMS: dict[tuple[Law, Over], tuple[Callable[[float, float], float], dict[str, float]]] = {
    ("kaplan", "parameters"): (lambda n, d: (8.8e13 / n) ** 0.076, {"N_c": 8.8e13, "alpha_N": 0.076}),
    ("kaplan", "tokens"): (lambda n, d: (5.4e13 / d) ** 0.095, {"D_c": 5.4e13, "alpha_D": 0.095}),
    ("kaplan", "compute"): (lambda n, d: (1e28 / (6 * n * d)) ** 0.05, {"C_c": 1e28, "alpha_C": 0.05}),
    ("kaplan", "both"): (
        lambda n, d: ((6.4e13 / n) ** (0.076 / 0.103) + 1.8e13 / d) ** 0.103,
        {"N_c": 6.4e13, "alpha_N": 0.076, "D_c": 1.8e13, "alpha_D": 0.103},
    ),
    ("chinchilla", "parameters"): (
        lambda n, d: 1.69 + 406.4 / n**0.34,
        {"E": 1.69, "A": 406.4, "alpha": 0.34},
    ),
    ("chinchilla", "tokens"): (
        lambda n, d: 1.69 + 410.7 / d**0.28,
        {"E": 1.69, "B": 410.7, "beta": 0.28},
    ),
    ("chinchilla", "both"): (
        lambda n, d: 1.69 + 406.4 / n**0.34 + 410.7 / d**0.28,
        {"E": 1.69, "A": 406.4, "alpha": 0.34, "B": 410.7, "beta": 0.28},
    ),
}


def points_of(
    loss: Callable[[float, float], float], sizes: list[tuple[float, float]], noise: float = 0.0, seed: int = 0
) -> list[Point]:
    random = np.random.default_rng(seed)
    return [
        Point(f"run {i}", n, d, 6 * n * d, loss(n, d) * math.exp(random.normal(0, noise)))
        for i, (n, d) in enumerate(sizes)
    ]


@pytest.mark.parametrize("form", FORMS, ids=" ".join)
def test_known_constants_are_recovered_from_losses_without_noise(form: tuple[Law, Over]) -> None:
    loss, expected = FORMS[form]
    points = points_of(loss, GRID)
    law = fit_law(points, *form, n_draws=4)
    found = law.constants()
    assert {name: interval.value for name, interval in found.items()} == pytest.approx(expected, rel=1e-3)
    assert law.predict(inputs_of(points, form[1])) == pytest.approx([p.loss for p in points], rel=1e-6)
    assert all(interval.low <= interval.high for interval in found.values())


def test_a_prediction_is_that_of_the_papers_formula() -> None:
    law = fit_law(points_of(FORMS["kaplan", "parameters"][0], LADDER), "kaplan", n_draws=4)
    # (8.8e13 / 84,934,656)^0.076 = exp(0.076 ln 1036090.2) = exp(0.076 * 13.85097)
    assert law.predict([[84_934_656]])[0] == pytest.approx(math.exp(1.0526737), rel=1e-6)
    assert law.formula() == "L(N) = (N_c / N)^alpha_N"


def test_without_an_irreducible_loss_the_fit_is_linear_regression_of_logarithms() -> None:
    points = points_of(FORMS["kaplan", "parameters"][0], LADDER, noise=0.01)
    law = fit_law(points, "kaplan", huber_delta=math.inf, n_draws=4000)
    x, y = np.log([p.n_params for p in points]), np.log([p.loss for p in points])
    line = stats.linregress(x, y)
    t = stats.t.ppf(0.975, len(x) - 2)
    alpha = law.constants()["alpha_N"]
    assert alpha.value == pytest.approx(-line.slope, rel=1e-6)
    expected = (-line.slope - t * line.stderr, -line.slope + t * line.stderr)
    assert (alpha.low, alpha.high) == pytest.approx(expected, rel=0.01)
    # prediction interval of a new run, in closed form
    new = math.log(1e10)
    deviation = np.sqrt(
        np.sum((y - line.intercept - line.slope * x) ** 2)
        / (len(x) - 2)
        * (1 + 1 / len(x) + (new - x.mean()) ** 2 / np.sum((x - x.mean()) ** 2))
    )
    center = line.intercept + line.slope * new
    interval = law.predict_run([1e10])
    assert np.log(interval) == pytest.approx(
        [center, center - t * deviation, center + t * deviation], abs=0.002
    )


def test_the_huber_fit_is_the_minimum_that_another_optimizer_finds() -> None:
    points = points_of(FORMS["chinchilla", "parameters"][0], LADDER, noise=0.01)
    delta = 1e-3  # Hoffmann et al.
    law = fit_law(points, "chinchilla", huber_delta=delta, n_draws=4)
    x, y = np.log([p.n_params for p in points]), np.log([p.loss for p in points])

    def cost(theta: np.ndarray) -> float:
        residuals = np.abs(np.logaddexp(theta[0], theta[1] - theta[2] * x) - y)
        return float(np.where(residuals <= delta, residuals**2 / 2, delta * (residuals - delta / 2)).sum())

    starts = [(math.log(e), math.log(a), alpha) for e in (1, 2) for a in (50, 500) for alpha in (0.2, 0.4)]
    options = {"maxiter": 20000, "xatol": 1e-10, "fatol": 1e-16}
    best = min(optimize.minimize(cost, s, method="Nelder-Mead", options=options).fun for s in starts)
    c = {name: interval.value for name, interval in law.constants().items()}
    assert cost(np.array([math.log(c["E"]), math.log(c["A"]), c["alpha"]])) <= best * 1.01


def test_one_failed_run_hardly_moves_a_huber_fit() -> None:
    points = points_of(FORMS["kaplan", "parameters"][0], LADDER, noise=0.001)
    points[3] = points[3]._replace(loss=points[3].loss * 1.3)
    robust = fit_law(points, "kaplan", n_draws=4).predict([[1e10]])[0]
    plain = fit_law(points, "kaplan", huber_delta=math.inf, n_draws=4).predict([[1e10]])[0]
    true = FORMS["kaplan", "parameters"][0](1e10, 0)
    assert abs(robust / true - 1) < 0.01
    assert abs(plain / true - 1) > 0.02


@pytest.mark.parametrize(
    ("form", "n_repeats"), [(("kaplan", "parameters"), 60), (("chinchilla", "parameters"), 20)]
)
def test_intervals_cover_the_truth_about_as_often_as_they_say(form: tuple[Law, Over], n_repeats: int) -> None:
    loss, expected = FORMS[form]
    covered, outcomes = 0, 0
    for seed in range(n_repeats):
        points = points_of(loss, LADDER, noise=0.005, seed=seed)
        law = fit_law(points, *form, n_draws=80)
        found = law.constants()
        covered += sum(found[name].low <= value <= found[name].high for name, value in expected.items())
        new = points_of(loss, [(1e10, 1e9)], noise=0.005, seed=1000 + seed)[0].loss
        interval = law.predict_run([1e10])
        outcomes += interval.low <= new <= interval.high
    # 95% of the time; of so few repeats and draws at least 85%, and intervals must not be empty of meaning
    assert covered >= 0.85 * n_repeats * len(expected)
    assert outcomes >= 0.85 * n_repeats


def test_the_largest_size_is_predicted_by_a_law_that_has_not_seen_it() -> None:
    points = points_of(FORMS["chinchilla", "parameters"][0], [*LADDER, LADDER[-1]], noise=0.002)
    held_out = hold_out_largest(points, "chinchilla", n_draws=50)
    assert {point.name for point in held_out.points} == {"run 6", "run 7"}
    assert held_out.measured == pytest.approx((points[6].loss + points[7].loss) / 2)
    alone = fit_law(points[:6], "chinchilla", n_draws=50)
    assert held_out.predicted == alone.predict_run([1e9])
    assert abs(held_out.error) < 0.03
    moved = [*points[:6], *(point._replace(loss=9.0) for point in points[6:])]
    assert hold_out_largest(moved, "chinchilla", n_draws=50).predicted == held_out.predicted


def test_the_form_is_chosen_by_what_the_runs_show() -> None:
    straight = points_of(FORMS["kaplan", "parameters"][0], LADDER, noise=0.003)
    curved = points_of(FORMS["chinchilla", "parameters"][0], LADDER, noise=0.003)
    assert choose_law(straight, n_draws=4).law == "kaplan"
    assert choose_law(curved, n_draws=4).law == "chinchilla"
    assert choose_law(curved[:4], n_draws=4).law == "kaplan"  # too few for another constant


def test_a_law_without_an_irreducible_loss_is_found_with_none() -> None:
    law = fit_law(points_of(FORMS["kaplan", "parameters"][0], LADDER), "chinchilla", n_draws=4)
    assert law.irreducible_loss < 0.05
    assert law.constants()["alpha"].value == pytest.approx(0.076, rel=0.02)


@pytest.mark.parametrize(
    ("sizes", "law", "over", "message"),
    [
        (
            LADDER[:2],
            "kaplan",
            "parameters",
            "2 runs: 2 different numbers of parameters; expected at least 3 for kaplan",
        ),
        (LADDER[:3], "chinchilla", "parameters", r"expected at least 4 for chinchilla over parameters"),
        ([LADDER[0]] * 5, "kaplan", "parameters", "5 runs: 1 different numbers of parameters"),
        (LADDER, "kaplan", "tokens", "7 runs: 1 different numbers of tokens; expected at least 3 for"),
        ([(n, 20 * n) for n, _ in LADDER], "chinchilla", "both", r"parameters and tokens grow together"),
    ],
)
def test_runs_that_cannot_determine_a_form_are_refused(
    sizes: list[tuple[float, float]], law: Law, over: Over, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        fit_law(points_of(FORMS["chinchilla", "both"][0], sizes), law, over)


def test_a_loss_that_grows_with_size_is_refused() -> None:
    with pytest.raises(ValueError, match="the loss does not fall as they grow"):
        fit_law(points_of(lambda n, d: math.log(n), LADDER), "kaplan")
