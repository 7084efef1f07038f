from collections import Counter

from gpt_toolkit.commands.paper_tables.budget import BUDGETS
from gpt_toolkit.commands.paper_tables.paper import PARTS, TABLES, TWINS
from gpt_toolkit.commands.paper_tables.plan import Finetuning, finetunings

TASKS = list(TWINS)


def test_each_run_is_planned_once_and_all_tasks_of_a_seed_before_the_next() -> None:
    found = finetunings(PARTS, TASKS, 3, n_layer=4)
    assert max(Counter(found).values()) == 1
    assert [which.seed for which in found] == sorted(which.seed for which in found)
    variants = Counter(which.variant for which in found if which.seed == 0)
    layers = {f"layers_{k}": 2 for k in range(4)}  # for two tasks; all four are the full transfer
    assert variants == {"full": 7, "no_pretraining": 7, "no_aux": 7, **layers}


def test_a_part_alone_takes_only_its_own_runs() -> None:
    assert finetunings(["table3"], TASKS, 1, 4) == [
        Finetuning("endings", "full", 0),
        Finetuning("reading", "full", 0),
        Finetuning("endings", "no_pretraining", 0),
        Finetuning("reading", "no_pretraining", 0),
    ]
    figure = finetunings(["figure2"], TASKS, 1, 1)
    assert {which.task for which in figure if which.variant == "full"} == {
        *("entailment", "acceptability", "sentiment", "reading")
    }
    assert [which.task for which in figure if which.variant == "layers_0"] == ["entailment", "reading"]
    assert finetunings(list(TABLES), [], 3, 4) == []


def test_a_larger_budget_is_reckoned_to_take_longer() -> None:
    times = [BUDGETS[name].seconds("reading") for name in ("quick", "standard", "full")]
    assert times == sorted(times)
    assert BUDGETS["full"].finetune_arguments("reading") == []
