"""The table of classes."""

from gpt_toolkit.class_scores import class_scores, class_table, confusions


def described(labels: list[str], matrix: list[list[int]]) -> dict[str, object]:
    return {"class_scores": class_scores(labels, matrix), "confusion_matrix": confusions(labels, matrix)}


def test_the_table_shows_scores_and_confusions() -> None:
    lines = class_table(described(["ham", "very long spam label"], [[1500, 500], [0, 20]]))
    assert lines == [
        "true class        precision  recall      f1  |  predicted:    ham very long spa...",
        "ham                  1.0000  0.7500  0.8571  |              1,500              500",
        "very long spa...     0.0385  1.0000  0.0741  |                  0               20",
    ]


def test_of_many_classes_the_most_frequent_confusions_are_listed() -> None:
    labels = [f"c{i}" for i in range(20)]
    matrix = [[5 if i == j else 0 for j in range(20)] for i in range(20)]
    assert class_table(described(labels, matrix)) == ["most frequent confusions: none"]
    matrix[3][4], matrix[9][0] = 1, 1200
    assert class_table(described(labels, matrix)) == ["most frequent confusions: c9 as c0 1,200, c3 as c4 1"]
