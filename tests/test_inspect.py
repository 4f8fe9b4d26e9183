"""Laws of the inspection: what it prints is what is in the file."""

import re
import subprocess
import sys

import h5py
import pytest
import torch
from PIL import Image
from recordings import random_episodes

from fist.commands.main import main
from fist.data.episodes import concatenate, save_episodes
from fist.methods.skills import SkillSettings, SkillVAE
from fist.training.checkpoint import save_model
from fist.training.reference_weights import export_reference


@pytest.fixture
def inspect(capsys, monkeypatch):
    """Run the command in this process; return its exit status and everything it said."""

    def command(path, *options):
        monkeypatch.setattr(sys, "argv", ["fist", "inspect", str(path), *options])
        try:
            main()
            status = 0
        except SystemExit as end:
            print(end.code)
            status = 1
        said = capsys.readouterr()
        return status, said.out + said.err

    return command


def test_the_recorded_demonstrations_are_summarised_as_they_are(inspect, real_demos, tmp_path):
    path = real_demos / "kitchen-demo-kettle_bottomknob_switch_hinge.hdf5"
    status, said = inspect(path, "--out", str(tmp_path / "a.png"))
    assert status == 0, said
    assert "22 episodes, 5402 rows, 60 state dimensions, 9 action dimensions" in said
    assert "lengths: 234 to 266" in said
    assert re.search(r"kettle +22 +42\.8", said) and re.search(r"microwave +0 *\n", said)
    assert "   22 kettle > bottom_burner > light_switch > hinge_cabinet" in said
    assert "state dimensions that never change: 30-59" in said
    with Image.open(tmp_path / "a.png") as picture:
        assert min(picture.size) > 300


def test_what_is_odd_about_a_data_set_is_said(inspect, tmp_path):
    normal = random_episodes([30, 25])
    twin, short = normal.take([0]), random_episodes([5], seed=1)
    path = tmp_path / "odd.hdf5"
    save_episodes(path, concatenate([normal, twin, short]))
    with h5py.File(path, "r+") as file:
        file["terminals"][-1] = False
        file["actions"][:, 1] = 0.5
        file["observations"][10, 2] = 1e4
        file["observations"][65, 2] = 1e4
    status, said = inspect(path)
    assert status == 0, said
    assert "odd: 5 rows after the last episode end are not used" in said
    assert "odd: action dimensions that never change: 1" in said
    assert "odd: 1 pairs of episodes are the same recording: 0 and 2" in said
    assert re.search(r"odd: row 1\d jumps by", said)
    assert "subtasks: unknown" in said
    assert (tmp_path / "odd.png").exists()


def test_checkpoints_of_ours_and_of_the_reference_are_summarised(inspect, tmp_path):
    model = SkillVAE(SkillSettings(hidden=16, priors=("goal",)), 6, 3)
    with torch.no_grad():
        model.posterior.readout.weight.zero_()
        model.posterior.output.bias[0] = 1000
    save_model(tmp_path / "skills.pt", model, {"seed": 7})
    (tmp_path / "skills.csv").write_text("step,kl,steps_per_s\n100,0.25,9\n200,0.125,9\n")
    status, said = inspect(tmp_path / "skills.pt")
    assert status == 0, said
    count = sum(value.numel() for value in model.parameters())
    assert f"SkillVAE, {count} parameters, state_dim 6, action_dim 3" in said
    assert '"seed": 7' in said and "curve, last row: step 200, kl 0.125" in said
    assert "odd: posterior.readout.weight is zero" in said
    assert "odd: posterior.output.bias holds a value of 1e+03" in said
    export_reference(tmp_path / "skills.pt", tmp_path / "weights_ep0.pth")
    status, said = inspect(tmp_path / "weights_ep0.pth")
    assert status == 0 and f"SkillVAE of the reference, {count} parameters" in said
    assert (tmp_path / "weights_ep0.png").exists()


CURVES = {
    "no steps": "a,b\n1,2\n",
    "texts": "step,kl\n1,x\n",
    "nothing": "",
    "a line": "step,kl\n1\n2,3,4\n",
    "no text": b"\xff\xfe,step\n",
    "a folder": None,
}


@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES)
def test_what_is_no_learning_curve_is_refused_by_name(inspect, tmp_path, curve):
    save_model(tmp_path / "skills.pt", SkillVAE(SkillSettings(hidden=8), 6, 3), {})
    if curve is None:
        (tmp_path / "skills.csv").mkdir()
    else:
        (tmp_path / "skills.csv").write_bytes(curve if isinstance(curve, bytes) else curve.encode())
    status, said = inspect(tmp_path / "skills.pt")
    assert status == 1 and said.startswith(f"fist inspect: error: {tmp_path / 'skills.csv'}")


def test_what_a_terminal_would_act_on_is_written_out(inspect, tmp_path):
    """Names of states and of files, in what is said and in errors."""
    data, missing = tmp_path / "a.hdf5", tmp_path / "\x1b[2J.pt"
    save_episodes(data, random_episodes([30]))
    with h5py.File(data, "r+") as file:
        file.attrs["state_names"] = '[["arm\\u001b[2J\\u202e\\nnothing odd", 2]]'
    for path, status, name in (
        (data, 0, r"arm\x1b[2J\u202e\nnothing odd 0-1"),
        (missing, 1, r"\x1b[2J.pt"),
    ):
        found, said = inspect(path)
        assert found == status and name in said, said
        assert said.replace("\n", "").isprintable()


@pytest.mark.parametrize("arguments", ["{", "[]", '{"a": 1, "a": 2}', '{"bogus": 1}', "[" * 5000])
def test_arguments_of_an_environment_that_cannot_be_used_give_one_line(
    inspect, tmp_path, arguments
):
    status, said = inspect(tmp_path / "a.hdf5", "--env-kwargs", arguments)
    assert status == 1 and said.startswith("fist inspect: error: ") and said.count("\n") == 1


def test_a_name_that_looks_like_mathematics_is_a_title(inspect, tmp_path):
    save_episodes(tmp_path / r"$\frac{$.hdf5", random_episodes([30]))
    assert inspect(tmp_path / r"$\frac{$.hdf5")[0] == 0


@pytest.mark.parametrize("name", ["none.hdf5", "none.pt", "page.hdf5", "page.pth"])
def test_a_file_that_cannot_be_used_gives_one_line_and_no_picture(inspect, tmp_path, name):
    if name.startswith("page"):
        (tmp_path / name).write_text("<html>")
    status, said = inspect(tmp_path / name)
    assert status == 1
    assert said.startswith("fist inspect: error: ") and name in said and "Traceback" not in said
    assert not list(tmp_path.glob("*.png"))


def test_an_environment_of_the_folder_is_found(tmp_path):
    """The command is a script elsewhere: its folder is not that of the user."""
    lines = [
        "import gymnasium",
        "class Here(gymnasium.Env):",
        "    observation_space = gymnasium.spaces.Box(-9, 9, (4,))",
        "    action_space = gymnasium.spaces.Box(-1, 1, (2,))",
        "gymnasium.register('Here-v0', 'here:Here')",
    ]
    (tmp_path / "here.py").write_text("\n".join(lines))
    save_episodes(tmp_path / "a.hdf5", random_episodes([30]))
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "fist"
    script.write_text("from fist.commands.main import main\nmain()")
    command = [sys.executable, script, "inspect", "a.hdf5", "--env-id", "here:Here-v0"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and "a.hdf5: 1 episodes, 30 rows" in done.stdout, done.stderr
