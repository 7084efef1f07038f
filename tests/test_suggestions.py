from gpt_toolkit.suggestions import close_names, did_you_mean, nearest


def test_the_closest_names_are_suggested() -> None:
    assert close_names("gpt-mirco", ["gpt-micro", "gpt-mini", "lambada"], n=2) == ["gpt-micro", "gpt-mini"]
    assert did_you_mean("fti", ["fit", "test"]) == " (did you mean fit?)"
    assert (
        did_you_mean("gpt-mirco", ["gpt-micro", "gpt-mini"], n=2) == " (did you mean gpt-micro or gpt-mini?)"
    )
    assert did_you_mean("xyz", ["fit", "test"]) == ""


def test_the_nearest_name_or_all_of_few_are_given() -> None:
    assert nearest("fti", ["fit", "test"]) == ": did you mean fit?"
    assert nearest("xyz", ["fit", "test"]) == "; there are fit, test"
    assert nearest("xyz", map(str, range(100))) == ""
