"""Laws of the reference's weights: its names become ours and ours its, and the models act alike."""

import csv
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from pipeline_copy import FIST, ROOT
from recordings import random_episodes

from fist.data.episodes import save_episodes
from fist.methods.chunk import ChunkModel, ChunkSettings
from fist.methods.distance import Distance, DistanceSettings
from fist.methods.labelled import TaskSkillSettings, TaskSkillVAE
from fist.methods.skills import SkillSettings, SkillVAE
from fist.training.checkpoint import CheckpointError, save_model
from fist.training.reference_weights import (
    Unseen,
    export_reference,
    import_reference,
    load_reference,
)


def mlp(prefix, inputs, outputs, blocks, hidden=128, normed=True):
    """Return names and shapes of an MLP as the reference saves it."""
    shapes = {
        f"{prefix}.input.linear.weight": (hidden, inputs),
        f"{prefix}.input.linear.bias": (hidden,),
    }
    for block in range(blocks):
        name = f"{prefix}.pyramid-{block}"
        shapes[f"{name}.linear.weight"] = (hidden, hidden)
        if not normed:
            shapes[f"{name}.linear.bias"] = (hidden,)
            continue
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{name}.norm.{part}"] = (hidden,)
        shapes[f"{name}.norm.num_batches_tracked"] = ()
    shapes[f"{prefix}.head.linear.weight"] = (outputs, hidden)
    shapes[f"{prefix}.head.linear.bias"] = (outputs,)
    return shapes


def reference_shapes(state, action, readout, decoder_blocks, condition, z=10, hidden=128):
    """Return names and shapes of a skill VAE as the reference saves it."""
    lstm = "q.0.cell.lstm.0"
    return {
        "log_sigma": (),
        "q.0.cell.embed.weight": (hidden, action + state),
        "q.0.cell.embed.bias": (hidden,),
        f"{lstm}.weight_ih": (4 * hidden, hidden),
        f"{lstm}.weight_hh": (4 * hidden, hidden),
        f"{lstm}.bias_ih": (4 * hidden,),
        f"{lstm}.bias_hh": (4 * hidden,),
        "q.0.cell.output.weight": (readout, hidden),
        "q.0.cell.output.bias": (readout,),
        "q.1.weight": (2 * z, readout),
        "q.1.bias": (2 * z,),
        **mlp("decoder", state + z, action, decoder_blocks),
        **mlp("p.0", condition, 2 * z, 6),
    }


REFERENCE = {
    "kitchen, FIST": (reference_shapes(60, 9, 128, 5, 120), ("goal",)),
    "kitchen, SPiRL": (reference_shapes(60, 9, 128, 5, 60), ("state",)),
    "maze, FIST": (reference_shapes(4, 2, 32, 3, 8), ("goal",)),
}
DISTANCE = {"W": (32, 32)}
for number, (outputs, inputs) in enumerate([(128, 60), (128, 128), (32, 128)], start=1):
    DISTANCE[f"encoder.linear{number}.weight"] = (outputs, inputs)
    DISTANCE[f"encoder.linear{number}.bias"] = (outputs,)
CLONED = {
    (name, env): mlp("net", states * size, 2 * action, blocks, hidden, normed=False)
    for env, size, action, blocks, hidden in (("kitchen", 60, 9, 5, 128), ("maze", 4, 2, 3, 32))
    for name, states in (("BCModel", 1), ("GoalBCModel", 2))
}


def random_weights(shapes, seed=0):
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for name, shape in shapes.items():
        if name.endswith("num_batches_tracked"):
            weights[name] = torch.tensor(7)
        elif name.endswith("running_var"):
            weights[name] = torch.rand(shape, generator=generator) + 0.5
        else:
            weights[name] = 0.1 * torch.randn(shape, generator=generator)
    return weights


def checkpoint(path, weights):
    optimizer = {"state": {}, "param_groups": [{"lr": 1e-3}]}
    torch.save(
        {"epoch": 199, "global_step": 3, "state_dict": weights, "optimizer": optimizer}, path
    )
    return path


@pytest.mark.parametrize(("shapes", "priors"), REFERENCE.values(), ids=REFERENCE)
def test_skills_of_the_reference_load_and_go_back_tensor_by_tensor(tmp_path, shapes, priors):
    weights = random_weights(shapes)
    model = import_reference(checkpoint(tmp_path / "ep199.pth", weights), tmp_path / "skills.pt")
    assert model.settings.priors == priors
    assert sum(value.numel() for value in model.parameters()) == sum(
        value.numel()
        for name, value in weights.items()
        if "running" not in name and "tracked" not in name and name != "log_sigma"
    )
    export_reference(tmp_path / "skills.pt", tmp_path / "back.pth", priors[0])
    back = torch.load(tmp_path / "back.pth", weights_only=True)["state_dict"]
    assert back.keys() == weights.keys()
    assert all(torch.equal(back[name], weights[name]) for name in weights if name != "log_sigma")


@pytest.mark.parametrize(("cls", "env"), CLONED)
def test_cloned_policies_of_the_reference_load_and_go_back_tensor_by_tensor(tmp_path, cls, env):
    weights = random_weights(CLONED[cls, env])
    model = import_reference(checkpoint(tmp_path / "ep199.pth", weights), tmp_path / "bc.pt")
    assert type(model).__name__ == cls and model.state_dim == {"kitchen": 60, "maze": 4}[env]
    export_reference(tmp_path / "bc.pt", tmp_path / "back.pth")
    back = torch.load(tmp_path / "back.pth", weights_only=True)["state_dict"]
    assert back.keys() == weights.keys()
    assert all(torch.equal(back[name], weights[name]) for name in weights)


def test_weights_that_were_saved_from_several_gpus_are_the_same_weights(tmp_path):
    weights = random_weights(REFERENCE["maze, FIST"][0])
    alone = load_reference(checkpoint(tmp_path / "a.pth", weights)).state_dict()
    wrapped = {f"module.{name}": value for name, value in weights.items()}
    both = load_reference(checkpoint(tmp_path / "b.pth", wrapped)).state_dict()
    assert all(torch.equal(alone[name], both[name]) for name in alone)


@pytest.mark.parametrize(
    ("state_dim", "unseen", "weight"),
    [
        (60, {}, 5e-4),
        (4, {}, 1e-2),
        (29, {}, 1e-2),
        (7, {"env": "maze"}, 1e-2),
        (4, {"env": "kitchen"}, 5e-4),
        (4, {"env": "kitchen", "kl_weight": 0.3}, 0.3),
    ],
)
def test_the_kl_weight_is_that_of_the_environment_or_is_said(tmp_path, state_dim, unseen, weight):
    file = checkpoint(
        tmp_path / "a.pth", random_weights(reference_shapes(state_dim, 2, 32, 3, 2 * state_dim))
    )
    model = import_reference(file, tmp_path / "skills.pt", Unseen(**unseen, horizon=8))
    assert (model.settings.kl_weight, model.settings.horizon) == (weight, 8)


def test_skills_of_an_environment_that_nobody_names_are_not_given_a_kl_weight(tmp_path):
    file = checkpoint(tmp_path / "a.pth", random_weights(reference_shapes(7, 2, 32, 3, 14)))
    with pytest.raises(CheckpointError, match="states of 7 dimensions.*--kl-weight"):
        import_reference(file, tmp_path / "skills.pt")
    assert not (tmp_path / "skills.pt").exists()


def test_an_exported_file_has_what_the_references_script_resumes_from(tmp_path):
    """Its loader takes epoch and step, every weight, and the optimiser's state for as many."""
    save_model(tmp_path / "skills.pt", SkillVAE(SkillSettings(), 6, 3), {})
    export_reference(tmp_path / "skills.pt", tmp_path / "weights_ep0.pth")
    saved = torch.load(tmp_path / "weights_ep0.pth", weights_only=True)
    assert (saved["epoch"], saved["global_step"]) == (0, 0)
    theirs = {
        name: torch.nn.Parameter(value)
        for name, value in saved["state_dict"].items()
        if not name.endswith(("running_mean", "running_var", "num_batches_tracked", "log_sigma"))
    }
    optimizer = torch.optim.RAdam(theirs.values(), 0.5)
    optimizer.load_state_dict(saved["optimizer"])
    assert optimizer.param_groups[0]["lr"] == 1e-3
    sum(value.square().sum() for value in theirs.values()).backward()
    optimizer.step()


def test_the_page_goes_from_the_releases_archive_to_a_row_of_a_table(tmp_path):
    """Its Python commands are run as they are written, on an archive in the reference's format."""
    page = (ROOT / "docs" / "how-to" / "released-weights.md").read_text()
    blocks = "\n".join(re.findall(r"^```sh\n(.*?)^```$", page, flags=re.S | re.M))
    lines = [line for line in blocks.replace("\\\n", " ").splitlines() if line]
    commands = [line for line in lines if not line.startswith("snakemake ")]
    assert len(commands) == 8 and len(lines) == 10
    experiments = tmp_path / "experiments"
    for file in re.findall(r"released/(experiments/\S+)", blocks):
        (tmp_path / file).parent.mkdir(parents=True)
    skills = next(experiments.glob("skill_prior_learning/*/*/weights")) / "weights_ep199.pth"
    checkpoint(skills, random_weights(REFERENCE["kitchen, FIST"][0]))
    distance = random_weights(DISTANCE)
    torch.save(distance, experiments / "contrastive/kitchen/exact-mixed-all/exact_model.pt")
    (tmp_path / "data" / "downloads").mkdir(parents=True)
    shutil.make_archive(
        tmp_path / "data/downloads/fist-checkpoints", "zip", tmp_path, "experiments"
    )
    [demos] = set(re.findall(r"--demos (\S+)", blocks))
    (tmp_path / demos).parent.mkdir(parents=True)
    save_episodes(tmp_path / demos, random_episodes([40] * 10, 60, 9))
    (tmp_path / "workflow").symlink_to(ROOT / "workflow")
    (tmp_path / "weights").mkdir()
    quick = {"finetune.py": " --train.steps 2", "rollout.py": " --rollout.max-steps 3"}
    place = {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'd4rl' / 'src'}", "OMP_NUM_THREADS": "1"}
    for command in commands:
        words = shlex.split(command + next((q for s, q in quick.items() if s in command), ""))
        run = subprocess.run(
            [*(FIST if words[0] == "fist" else [sys.executable]), *words[1:]],
            cwd=tmp_path,
            env=os.environ | place,
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, run.stderr
    with open(tmp_path / "released" / "table.csv", newline="") as table:
        [row] = csv.DictReader(table)
    assert (row["task"], row["method"]) == ("top_burner", "fist_released")
    assert (row["n_seeds"], row["n_episodes"]) == ("1", "10")
    assert (tmp_path / "weights" / "weights_ep0.pth").exists()


def test_an_imported_decoder_computes_what_the_references_layers_say(tmp_path):
    weights = random_weights(REFERENCE["maze, FIST"][0])
    model = load_reference(checkpoint(tmp_path / "ep199.pth", weights))
    s, z = torch.randn(5, 4), torch.randn(5, 10)

    def layer(name, x, bias=True):
        return x @ weights[f"{name}.weight"].T + (weights[f"{name}.bias"] if bias else 0)

    x = torch.nn.functional.leaky_relu(layer("decoder.input.linear", torch.cat((s, z), 1)), 0.2)
    for block in range(3):
        x = layer(f"decoder.pyramid-{block}.linear", x, bias=False)
        norm = {
            part: weights[f"decoder.pyramid-{block}.norm.{part}"]
            for part in ("running_mean", "running_var", "weight", "bias")
        }
        x = (x - norm["running_mean"]) / (norm["running_var"] + 1e-5).sqrt()
        x = torch.nn.functional.leaky_relu(x * norm["weight"] + norm["bias"], 0.2)
    step = torch.zeros(5).long()
    torch.testing.assert_close(model.decode(s, z, step), layer("decoder.head.linear", x))


def test_a_distance_of_the_reference_loads_and_goes_back(tmp_path):
    weights = random_weights(DISTANCE)
    torch.save(weights, tmp_path / "exact_model.pt")
    model = import_reference(tmp_path / "exact_model.pt", tmp_path / "distance.pt")
    assert (model.state_dim, model.settings.feature_dim) == (60, 32)
    export_reference(tmp_path / "distance.pt", tmp_path / "back.pt")
    back = torch.load(tmp_path / "back.pt", weights_only=True)
    assert back.keys() == weights.keys()
    assert all(torch.equal(back[name], weights[name]) for name in weights)


@pytest.mark.parametrize("prior", ["goal", "state"])
def test_a_normaliser_is_folded_into_the_exported_weights(tmp_path, prior):
    model = SkillVAE(SkillSettings(normalise=True, decoder_blocks=2), 6, 3).eval()
    model.normaliser.fit(3 * torch.randn(100, 6) + 5)
    save_model(tmp_path / "skills.pt", model, {})
    export_reference(tmp_path / "skills.pt", tmp_path / "out.pth", prior)
    again = load_reference(tmp_path / "out.pth")
    s, goal, z = torch.randn(7, 6) + 5, torch.randn(7, 6) + 5, torch.randn(7, 10)
    windows, actions = torch.randn(7, 10, 6) + 5, torch.randn(7, 10, 3)
    close = {"rtol": 1e-4, "atol": 1e-4}
    step = torch.zeros(7).long()
    torch.testing.assert_close(again.decode(s, z, step), model.decode(s, z, step), **close)
    torch.testing.assert_close(
        again.encode(windows, actions), model.encode(windows, actions), **close
    )
    if prior == "goal":
        torch.testing.assert_close(again.prior_goal(s, goal), model.prior_goal(s, goal), **close)
    else:
        torch.testing.assert_close(again.prior_state(s), model.prior_state(s), **close)


def test_a_distance_with_a_normaliser_measures_the_same_when_exported(tmp_path):
    model = Distance(DistanceSettings(normalise=True), 6)
    model.normaliser.fit(3 * torch.randn(100, 6) + 5)
    save_model(tmp_path / "distance.pt", model, {})
    export_reference(tmp_path / "distance.pt", tmp_path / "out.pt")
    s = torch.randn(7, 6) + 5
    again = load_reference(tmp_path / "out.pt")
    torch.testing.assert_close(again.features(s), model.features(s), rtol=1e-4, atol=1e-4)


def test_a_mismatch_lists_what_is_missing_unexpected_and_misshapen(tmp_path):
    weights = random_weights(REFERENCE["maze, FIST"][0])
    del weights["decoder.pyramid-1.norm.weight"]
    weights["decoder.extra"] = torch.zeros(2)
    weights["q.1.bias"] = torch.zeros(3)
    with pytest.raises(CheckpointError) as error:
        load_reference(checkpoint(tmp_path / "ep199.pth", weights))
    assert "missing decoder.pyramid-1.norm.weight; unexpected decoder.extra" in str(error.value)
    assert "misshapen q.1.bias (3,) instead of (20,)" in str(error.value)


@pytest.mark.parametrize(
    "content", [[1, 2], {"state_dict": 3}, {"a": 1}, {"state_dict": {"a": torch.zeros(2)}}, {}]
)
def test_other_files_are_refused(tmp_path, content):
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match="a.pth"):
        load_reference(tmp_path / "a.pth")


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path):
    torch.save({"state_dict": Path("x")}, tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match="no checkpoint of tensors"):
        load_reference(tmp_path / "a.pth")


def test_what_the_reference_has_no_place_for_is_not_exported(tmp_path):
    odd = (("phase", True, "false"), ("encoder", "mlp", "lstm"), ("feedback", 0.5, "0"))
    for setting, value, asked in odd:
        save_model(tmp_path / "odd.pt", SkillVAE(SkillSettings(**{setting: value}), 6, 3), {})
        with pytest.raises(CheckpointError, match=f"{setting}: {asked}"):
            export_reference(tmp_path / "odd.pt", tmp_path / "out.pth", "state")
    save_model(tmp_path / "skills.pt", SkillVAE(SkillSettings(priors=("state",)), 6, 3), {})
    with pytest.raises(CheckpointError, match="no 'goal' prior, only state"):
        export_reference(tmp_path / "skills.pt", tmp_path / "out.pth", "goal")
    for model in (ChunkModel(ChunkSettings(), 6, 3), TaskSkillVAE(TaskSkillSettings(), 6, 3)):
        save_model(tmp_path / "other.pt", model, {})
        with pytest.raises(CheckpointError, match="no counterpart"):
            export_reference(tmp_path / "other.pt", tmp_path / "out.pth")
    assert not (tmp_path / "out.pth").exists()
