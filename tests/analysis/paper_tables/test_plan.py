from collections import Counter
from pathlib import Path

from gpt_toolkit.analysis.paper_tables.catalog import BUDGETS, PARTS, TABLES
from gpt_toolkit.analysis.paper_tables.catalog import TASKS as STORYWORLD_TASKS
from gpt_toolkit.analysis.paper_tables.plan import Finetuning, plan_finetunings, pretraining, run_of

TASKS = list(STORYWORLD_TASKS)


def test_each_run_is_planned_once_and_all_tasks_of_a_seed_before_the_next() -> None:
    found = plan_finetunings(PARTS, TASKS, 3, n_layer=4)
    assert max(Counter(found).values()) == 1
    assert [which.seed for which in found] == sorted(which.seed for which in found)
    variants = Counter(which.variant for which in found if which.seed == 0)
    layers = {f"layers_{k}": 2 for k in range(4)}  # for two tasks; all four are the full transfer
    assert variants == {"full": 7, "no_pretraining": 7, "no_aux": 7, **layers}


def test_a_part_alone_takes_only_its_own_runs() -> None:
    assert plan_finetunings(["table3"], TASKS, 1, 4) == [
        Finetuning("endings", "full", 0),
        Finetuning("reading", "full", 0),
        Finetuning("endings", "no_pretraining", 0),
        Finetuning("reading", "no_pretraining", 0),
    ]
    figure = plan_finetunings(["figure2"], TASKS, 1, 1)
    assert {which.task for which in figure if which.variant == "full"} == {
        *("entailment", "acceptability", "sentiment", "reading")
    }
    assert [which.task for which in figure if which.variant == "layers_0"] == ["entailment", "reading"]
    assert plan_finetunings(list(TABLES), [], 3, 4) == []


def test_a_larger_budget_is_reckoned_to_take_longer() -> None:
    times = [BUDGETS[name].seconds("reading") for name in ("quick", "standard", "full")]
    assert times == sorted(times)
    assert BUDGETS["full"].finetune_arguments("reading") == []


def test_checkpoints_are_spread_over_the_steps_that_are_asked_for() -> None:
    def kept_every(*extra: str) -> str:
        fit = pretraining(Path("out"), BUDGETS["quick"], extra).fit
        return fit[fit.index("--checkpoints.keep_every_n_steps") + 1]

    assert kept_every() == "50"
    assert kept_every("--data.n_ctx", "64", "--trainer.max_steps", "1200") == "200"
    assert kept_every("--trainer.max_steps=3") == "1"


def test_a_models_run_is_found_from_its_folder_or_a_checkpoint() -> None:
    assert run_of("runs/mine/model") == Path("runs/mine")
    assert run_of("runs/mine/checkpoints/best.ckpt") == Path("runs/mine")
