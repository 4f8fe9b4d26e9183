"""Laws of the figures: each is drawn from the CSV beside it, and can be read without colour."""

import re
from pathlib import Path
from types import SimpleNamespace

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
import torch
from figure_drawing import draw
from made_results import TASKS, write_all

from figures import Figures
from fist.analysis.figures import schematic
from fist.analysis.figures.features import principal_plane
from fist.analysis.figures.style import looks, words
from fist.data.episodes import Episodes, save_episodes
from fist.evaluation.episode_results import EpisodeRow, Labels, write_episodes_csv
from fist.methods.distance import Distance, DistanceSettings
from fist.training.checkpoint import save_model

ROOT = Path(__file__).parents[1]
OPTIONS = SimpleNamespace(targets=None, config={})
"""Of a configuration that nothing is asked of."""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_all(tmp_path_factory.mktemp("results"), episodes=10)


def luminance(color) -> float:
    return float(np.dot(color[:3], (0.2126, 0.7152, 0.0722)))


def test_no_line_is_too_light_for_white_paper():
    """The contrast to white is that which WCAG 2 wants of pictures: 3 to 1."""
    for n in (1, 2, 8):
        for look in looks(range(n)).values():
            c = np.asarray(look.color[:3])
            linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
            assert 1.05 / (luminance(linear) + 0.05) >= 3


def test_names_are_written_as_in_the_text():
    names = ("goal_bc", "fist_no_finetuning", "spirl", "order_1-one_of_four")
    assert [words(name) for name in names] == [
        "goal BC",
        "FIST no finetuning",
        "SPiRL",
        "order 1, one of four",
    ]


def test_the_schematic_of_the_documentation_is_what_the_command_draws(tmp_path):
    """Its words are letters, not curves; every box is in it."""
    schematic.save(tmp_path / "schematic.svg")
    drawn, kept = (
        sorted(re.findall(r">([^<>]*\w[^<>]*)</text>", (folder / "schematic.svg").read_text()))
        for folder in (tmp_path, ROOT / "docs")
    )
    assert drawn == kept and {*schematic.BOXES} <= {*drawn}


@pytest.mark.parametrize("n", [2, 4, 8])
def test_lines_differ_in_luminance_and_in_marker(n):
    chosen = looks(range(n)).values()
    assert np.diff([luminance(look.color) for look in chosen]).min() > 0.5 / n
    assert len({look.marker for look in chosen}) == n


def of_results(figure, folder, files, measure="subtasks", **table):
    """Draw a figure of test results."""
    need = "demonstrations" if figure == "demonstrations" else "episodes"
    labelled = {need: {(number,): file for number, file in enumerate(files)}}
    return draw(figure, folder, labelled, measure=measure, **({"paper": {}} | table))


N_DEMOS = {"fist": dict.fromkeys(TASKS, 10), "spirl": dict.fromkeys(TASKS, 1)}


@pytest.mark.parametrize("seeds", [1, 2])
@pytest.mark.parametrize("figure", ["scores", "progress", "profile", "demonstrations"])
def test_a_figure_is_a_pdf_and_a_picture_with_ink_beside_its_csv(files, tmp_path, figure, seeds):
    """With one training seed there are no bands and no bars to draw."""
    shown = [file for file in files if int(file.parent.name.removeprefix("seed_")) < seeds]
    drawn = of_results(figure, tmp_path, shown, n_demos=N_DEMOS)
    assert len(drawn) and drawn["mean"].notna().all()
    assert drawn.lo.notna().all() == drawn.hi.notna().all() == (seeds > 1)
    assert (tmp_path / f"{figure}.pdf").read_bytes().startswith(b"%PDF")
    picture = matplotlib.image.imread(tmp_path / f"{figure}.png")[..., :3]
    assert 0.005 < (picture < 0.5).mean() < 0.5


def test_the_same_results_give_the_same_bytes(files, tmp_path):
    made = []
    for _ in range(2):
        of_results("scores", tmp_path, files)
        made.append([(tmp_path / f"scores.{end}").read_bytes() for end in ("csv", "pdf", "png")])
    assert made[0] == made[1]


def test_bars_are_the_means_of_the_cells(files, tmp_path):
    drawn = of_results("scores", tmp_path, files, paper={"top_burner/fist": 3.6})
    scores = pd.concat(map(pd.read_csv, files))
    means = scores.groupby(["task", "method"]).subtasks_ordered.mean()
    assert drawn.set_index(["task", "method"])["mean"].to_dict() == pytest.approx(means.to_dict())
    assert drawn.paper.dropna().tolist() == [3.6]


def test_progress_begins_with_nothing_and_ends_with_the_score(files, tmp_path):
    drawn = of_results("progress", tmp_path, files)
    scores = of_results("scores", tmp_path, files)
    ends = drawn.groupby(["task", "method"], sort=False)["mean"]
    assert (ends.first() == 0).all() and drawn["mean"].diff()[drawn.step > 0].min() >= 0
    assert np.allclose(ends.last(), scores["mean"])
    at_50 = drawn[(drawn.task == "top_burner") & (drawn.method == "fist") & (drawn.step == 49)]
    assert at_50["mean"].item() == 1.0  # fist always counts the first at step 10, none before 50


def test_progress_of_a_task_without_subtasks_is_the_share_that_has_arrived(tmp_path):
    rows = [EpisodeRow(i, i, n, 0.0, None, None, n < 100) for i, n in enumerate((20, 60, 100, 100))]
    file = tmp_path / "episodes.csv"
    write_episodes_csv(file, Labels("maze", "left", "fist", 0, "generated"), rows)
    drawn = of_results("progress", tmp_path, [file], "success")
    share = drawn.set_index("step")["mean"]
    assert [share[10], share[20], share[58], share[60], share[100]] == [0, 0.25, 0.25, 0.5, 0.5]


def test_a_profile_is_the_share_of_training_runs_that_reach_a_score(files, tmp_path):
    drawn = of_results("profile", tmp_path, files)
    runs = pd.concat(map(pd.read_csv, files)).groupby(["method", "task", "seed"])
    means = runs.subtasks_ordered.mean()
    for method, of_method in drawn.groupby("method"):
        expected = [(means[method] >= x - 1e-9).mean() for x in of_method.threshold]
        assert np.allclose(of_method["mean"], expected)


def test_scores_are_drawn_over_each_methods_number_of_demonstrations(files, tmp_path):
    drawn = of_results("demonstrations", tmp_path, files, n_demos=N_DEMOS)
    assert set(zip(drawn.method, drawn.demonstrations, strict=True)) == {("fist", 10), ("spirl", 1)}


def curve(folder, name, rows):
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(file, index=False)
    return file


def test_learning_curves_keep_data_sets_stages_and_terms_apart(tmp_path):
    rows = [
        {"step": s, "learning_rate": 1, "kl": 1 / s, "validation_kl": 2 / s, "steps_per_s": 9}
        for s in (10, 20)
    ]
    labels = [
        ("training", "skills", "no_kettle", "", 0),
        ("training", "skills", "no_kettle", "", 1),
        ("fine-tuning", "skills", "kettle", "finetune_all_10demos", 0),
    ]
    files = {label: curve(tmp_path, f"{n}.csv", rows) for n, label in enumerate(labels)}
    drawn = draw("curves", tmp_path, {"curves": files}).fillna("")
    assert set(drawn.term) == {"kl", "validation_kl"}
    told = drawn[["stage", "model", "group", "variant", "seed"]].drop_duplicates()
    assert [*map(tuple, told.to_numpy().tolist())] == labels
    empty = curve(tmp_path, "empty.csv", {"step": [], "kl": []})
    with pytest.raises(ValueError, match="empty.csv: holds no row"):
        draw("curves", tmp_path, {"curves": {labels[0]: empty}})


def write_trace(folder, found=True):
    rows = [
        {"env": "kitchen", "task": "kettle", "method": "fist", "seed": 0}
        | {"episode": 0, "test_seed": 100_000, "step": step}
        | {"counted": int(step > 3), "demo": step % 2 if found else None}
        | {"demo_step": step, "distance": 0.5, "looked_up": int(found)}
        for step in range(6)
    ]
    return curve(folder, "trace.csv", rows)


def test_the_look_ups_of_an_episode_are_drawn_as_they_stand_in_its_trace(tmp_path):
    file = write_trace(tmp_path)
    label = ("kettle", "fist", 0)
    drawn = draw("retrieval", tmp_path, {"look_ups": {label: file}})
    told = pd.read_csv(file).drop(columns=["env", "test_seed"])
    pd.testing.assert_frame_equal(drawn, told, check_dtype=False)
    with pytest.raises(ValueError, match="no episode 3 among the 1 that were followed"):
        draw("retrieval", tmp_path, {"look_ups": {label: file}}, episode=3)
    with pytest.raises(ValueError, match="looks nothing up"):
        draw("retrieval", tmp_path, {"look_ups": {label: write_trace(tmp_path, found=False)}})


def test_the_principal_plane_holds_what_varies_most():
    rng = np.random.default_rng(0)
    spread = rng.normal(size=(200, 2)) * (5, 2)
    directions, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    points = spread @ directions[:2] + 0.01 * rng.normal(size=(200, 6)) + 7
    plane, share = principal_plane(points)
    assert share > 0.999
    centred = spread - spread.mean(0)
    assert np.allclose(np.linalg.norm(plane, axis=1), np.linalg.norm(centred, axis=1), atol=0.1)
    assert np.abs(np.cov(plane.T)[0, 1]) < 1e-6


def test_features_are_drawn_for_every_state_of_the_demonstrations(tmp_path):
    lengths = torch.tensor([4, 6])
    states = torch.rand(10, 3)
    save_episodes(tmp_path / "demos.hdf5", Episodes(states, torch.zeros(10, 2), lengths))
    save_model(
        tmp_path / "distance.pt",
        Distance(DistanceSettings(horizon=2, hidden=8, feature_dim=4), 3),
        {},
    )
    files = {
        "distances": {("kettle", "fist"): tmp_path / "distance.pt"},
        "demos": {("kettle",): tmp_path / "demos.hdf5"},
    }
    drawn = draw("features", tmp_path, files, n_demos={"fist": {"kettle": 2}})
    of_states = drawn[drawn.space == "states"]
    assert of_states.step.tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 4, 5]
    assert of_states.progress.tolist()[3] == of_states.progress.tolist()[9] == 1
    expected, _ = principal_plane(states.numpy())
    assert np.allclose(of_states[["x", "y"]], expected, atol=1e-5)
    assert (tmp_path / "features.pdf").exists() and len(drawn) == 20


NEW = '''
"""Lengths: how long the episodes of every method are."""

from fist.analysis.figures.scored import Scored
from fist.analysis.figures.style import panels

NEEDS = ("episodes",)


def draw(files, table):
    results = Scored(files["episodes"].values(), table).results
    figure, [axis] = panels(1)
    axis.boxplot([of_one.of("length").ravel() for of_one in results])
    data = results[0].episodes[["task", "method", "length"]]
    return figure, data
'''


def test_a_figure_is_added_by_one_file(files, tmp_path, monkeypatch):
    """The workflow finds it, and the script draws it."""
    package = tmp_path / "more_figures"
    package.mkdir()
    (package / "lengths.py").write_text(NEW)
    (package / "helper.py").write_text("POINTS = 3\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert Figures(OPTIONS, package).needs == {"lengths": ("episodes",)}
    labelled = {"episodes": {("top_burner", "fist", n): file for n, file in enumerate(files[:2])}}
    drawn = draw("lengths", tmp_path, labelled, "more_figures", measure="subtasks")
    assert set(drawn.length) == {280} and (tmp_path / "lengths.pdf").exists()


def test_every_figure_of_the_library_is_found_by_what_it_needs():
    needs = Figures(OPTIONS).needs
    assert needs["scores"] == ("episodes",) and needs["paths"] == ("traces", "demos", "map")
    assert len(needs) == 11 and "style" not in needs and "plot" not in needs
