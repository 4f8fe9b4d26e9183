"""Laws of variants and suites: what a table changes in its tasks, and what learns together."""

import json
from types import SimpleNamespace as Of

import pytest
from test_config import changed, fault, loaded, read

from configuration import load
from declarations import declared
from options import Options
from targets import Cell, TargetError, Targets


@pytest.fixture(scope="module")
def targets():
    config = loaded()
    return Targets(config, declared(config))


def cell(task, method="fist"):
    return Cell("kitchen", task, method, 0)


def test_a_variant_s_tasks_are_the_table_s_own_with_what_it_changes(targets):
    names = targets.config["tables"]["one_demonstration"]["tasks"]
    assert names[0] == "top_burner-one_demo"
    task, base = (targets.task(cell(name)) for name in (names[0], "top_burner"))
    assert {k: task[k] for k in ("held_out", "order")} == {
        k: base[k] for k in ("held_out", "order")
    }
    assert task["n_demos"] == 1 and "n_demos" not in base
    assert not task["paper"]  # what is published of a task does not hold for its variants


def test_a_configuration_that_has_been_filled_in_is_one_again():
    config = loaded()
    assert load({"again": config}) == config


def test_tables_that_share_a_list_of_tasks_by_a_name_of_yaml_change_their_own():
    config = read()
    shared = ["top_burner", "microwave"]
    for name, variant in (("one_demonstration", "one_demo"), ("late", "late")):
        config["tables"][name] |= {"tasks": shared, "variant": variant}
    tables = load({"mine": config})["tables"]
    assert tables["one_demonstration"]["tasks"] == ["top_burner-one_demo", "microwave-one_demo"]
    assert tables["late"]["tasks"] == ["top_burner-late", "microwave-late"]


@pytest.mark.parametrize("variant", ["late", "wide_start", "undone"])
def test_what_only_disturbs_tests_has_nothing_trained_anew(targets, variant):
    assert targets.checkpoints(cell(f"top_burner-{variant}")) == targets.checkpoints(
        cell("top_burner")
    )


@pytest.mark.parametrize("variant", ["tenth_of_play", "other_demos", "misled", "one_demo"])
def test_what_is_learnt_from_decides_where_models_lie(targets, variant):
    changed, plain = (
        targets.checkpoints(cell(name)) for name in (f"top_burner-{variant}", "top_burner")
    )
    assert not {*changed} & {*plain}


def test_a_task_that_learns_from_none_acts_with_models_of_play(targets):
    acting = targets.acting(cell("order_1-untrained"))
    assert acting == {
        "model": "<results>/kitchen/mixed/seed_0/skills.pt",
        "distance": "<results>/kitchen/mixed/seed_0/distance.pt",
        "demos": "<data>/kitchen/demos/microwave-kettle-bottom_burner-light_switch.hdf5",
    }


def test_a_suite_has_one_model_fine_tuned_on_the_demonstrations_of_each_task(targets):
    one, two = (targets.acting(cell(f"order_{i}-one_of_four")) for i in (1, 2))
    assert one["model"] == two["model"] and one["demos"] != two["demos"]
    folder = "<results>/kitchen/four_orders/finetune_all_10demos/seed_0"
    assert one["model"] == f"{folder}/skills.pt"
    job = Of(env="kitchen", learner="four_orders", part="all", n_demos="10", seed="0")
    reads = targets.reads("finetune", "skills", job)
    assert len(reads["demos"]) == 4 and {one["demos"], two["demos"]} <= {*reads["demos"]}
    assert reads["init"] == "<results>/kitchen/mixed/seed_0/skills.pt"
    words = Options(targets).material(job, reads)
    place = words.index("--demos")
    assert words[place + 1 : place + 5] == reads["demos"]


def test_without_play_a_model_begins_with_the_demonstrations(targets):
    acting = targets.acting(cell("top_burner-no_play", "fist_euclidean"))
    folder = "<results>/kitchen/top_burner-no_play/finetune_scratch_10demos/seed_0"
    assert acting["model"] == f"{folder}/skills.pt"
    with pytest.raises(TargetError, match="take one with lookup euclidean"):
        targets.acting(cell("top_burner-no_play"))  # a distance would be learnt from play


def test_less_play_is_a_split_of_its_own(targets):
    play = targets.play(cell("top_burner-hundredth_of_play"))
    assert play == "<data>/kitchen/play/no_top_burner.1percent.hdf5"
    split = Of(env="kitchen", split="no_top_burner.1percent")
    assert targets.recordings("play", split) == targets.recordings(
        "play", Of(env="kitchen", split="no_top_burner")
    )
    assert Options(targets).split(split) == ["--held-out", "top_burner", "--percent=1"]


def test_wrappers_reach_the_trial_and_are_code_that_it_depends_on(targets, monkeypatch):
    options, task = Options(targets), cell("top_burner-shaken")
    [said] = [word for word in options.trial(task) if word.startswith("--wrappers=")]
    shaken = '[{"wrapper": "fist.evaluation.disturbances:RandomActions", "steps": 5}]'
    assert said == f"--wrappers={shaken}"
    assert not [word for word in options.trial(cell("top_burner")) if "wrappers" in word]
    monkeypatch.setattr(options, "code", lambda *named, env: named)
    assert "fist.evaluation.disturbances:RandomActions" in options.acting_code("x", task)


VARIANTS = "environments.kitchen.variants"
WRONG = {
    "no lat among variants": ("tables.late.variant", "lat"),
    "unknown key": (f"{VARIANTS}.late", {"speed": 2}),
    "must be at most 100": (f"{VARIANTS}.late", {"play_percent": 101}),
    "no nobody among tasks": (f"{VARIANTS}.late", {"learns_from": "nobody"}),
    "no nothing among tasks": ("environments.kitchen.suites.four_orders", ["nothing"]),
    "its tasks learn from different play": (
        "environments.kitchen.suites.four_orders",
        ["kettle", "microwave"],
    ),
    "take another name": ("environments.kitchen.suites.kettle", ["order_1"]),
    "learns neither from play nor": (
        f"{VARIANTS}.late",
        {"play_percent": 0, "learns_from": "none"},
    ),
    "kind other_task needs `of`": (
        f"{VARIANTS}.late",
        {"flaws": {"kind": "other_task", "number": 1}},
    ),
    "RandomActions.pace": (
        f"{VARIANTS}.late",
        {"wrappers": {"fist.evaluation.disturbances:RandomActions": {"pace": 1}}},
    ),
    "no subclass of gymnasium.Wrapper": (f"{VARIANTS}.late", {"wrappers": {"os:system": {}}}),
    "kettle-misled stands there twice": (
        "tables.misled.tasks",
        ["kettle", "microwave", "kettle-misled"],
    ),
    "the key None is no text: quote it": ("methods", {None: {"like": "fist"}}),
    "cannot be used": (f"{VARIANTS}.late", {"wrappers": {"fist.evaluation.disturbances:No": {}}}),
}


@pytest.mark.parametrize("said", WRONG)
def test_a_variant_that_cannot_be_is_refused_by_its_key(said):
    assert said in fault(changed(*WRONG[said]))


def test_what_a_variant_says_is_blamed_on_the_variant_once():
    said = fault(changed(f"{VARIANTS}.wide_start.learns_from", "nobody"))
    assert said.startswith(f"mine: `{VARIANTS}.wide_start.learns_from`: no nobody among tasks")
    assert said.count("\n") == 0


def test_the_overview_reads_what_it_is_told_of_every_setting(targets):
    """No text of it would have to be quoted in a CSV."""
    settings = json.loads(Options(targets).overview())
    assert [setting["name"] for setting in settings] == targets.config["overview"]
    told = {text for setting in settings for text in setting["told"].values()}
    assert {"play", "play + look-up", "play + demonstrations + look-up", "look-up"} <= told
    assert not [text for text in told if set(text) & set(',"\n')]
    [unlearnt] = [setting for setting in settings if setting["name"] == "new_orders"]
    assert unlearnt["trainings"]["spirl"][0] == ["logs/kitchen/mixed/seed_0/skills.log"]
