"""Data sets and runs as figures."""

from fer_core.emotions import EMOTION_LABELS
from pages.charts.training import balance_figure, runs_figure, tried_figure


def test_each_split_is_a_part_of_the_bars():
    counts = {split: dict.fromkeys(EMOTION_LABELS, 3) for split in ("Training", "PublicTest", "PrivateTest")}
    counts["Training"]["disgust"] = 1
    training, *others = balance_figure(counts).data
    assert training.x == (3, 1, 3, 3, 3, 3, 3)
    assert len(others) == 2


def test_runs_lie_side_by_side_over_their_epochs():
    figure = runs_figure([("Run 1", [{"epoch": 1, "public_accuracy": 0.4}]), ("Run 2", [])])
    assert [line.name for line in figure.data] == ["Run 1", "Run 2"]
    assert figure.data[0].y == (0.4,)
    assert (figure.layout.xaxis.dtick, figure.layout.yaxis.rangemode) == (1, "nonnegative")


def test_what_was_tried_leads_to_the_accuracy_on_the_last_axis():
    tried = [{"rate": 0.1, "batch": 16}, {"rate": 0.3, "batch": 16}, {"rate": 0.2, "batch": 16}]
    names = {"rate": "Learning rate", "batch": "Batch"}
    figure = tried_figure(["Run 1", "Run 2", "Run 3"], tried, names, [0.6, 0.5, 0.7])
    lines = {line.name: line for line in figure.data}
    assert {name: [round(place, 6) for place in line.y] for name, line in lines.items()} == {
        "Run 1": [0, 0.5, 0.5],
        "Run 2": [1, 0.5, 0],
        "Run 3": [0.5, 0.5, 1],
    }
    assert lines["Run 1"].text == ("0.1", "16", "60.0%")


def test_the_accuracy_gives_the_colour_and_the_best_lies_on_top():
    figure = tried_figure(
        ["Run 1", "Run 2", "Run 3"], [{"mix": 1}, {"mix": 2}, {"mix": 3}], {"mix": "Mixup"}, [3, 1, 2]
    )
    assert [line.name for line in figure.data] == ["Run 2", "Run 3", "Run 1"]
    assert len({line.line.color for line in figure.data}) == 3
    assert [line.line.width for line in figure.data] == [2, 2, 5]


def test_factors_have_a_logarithmic_axis_unless_one_of_them_is_0():
    tried, names = [{"rate": 0.001}, {"rate": 0.01}, {"rate": 0.1}], {"rate": "Learning rate"}
    figure = tried_figure(["1", "2", "3"], tried, names, [0.1, 0.2, 0.3], ["rate"])
    assert [round(line.y[0], 6) for line in figure.data] == [0, 0.5, 1]
    figure = tried_figure(["1", "2"], [{"rate": 0.0}, {"rate": 0.1}], names, [0.1, 0.2], ["rate"])
    assert [line.y[0] for line in figure.data] == [0, 1]


def test_a_run_s_name_is_no_markup():
    typed = '<a href="https://a.example">x</a> %{y}'
    beside = runs_figure([(typed, [{"epoch": 1, "public_accuracy": 0.4}])])
    tried = tried_figure([typed, "2"], [{"rate": 0.1}, {"rate": 0.2}], {"rate": "Learning rate"}, [0.1, 0.2])
    for line in (beside.data[0], tried.data[0]):
        assert not any("<a" in said or "%{y} " in said for said in (line.name, line.hovertemplate))
