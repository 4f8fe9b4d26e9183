"""Laws of what makes training fast: it learns the same."""

import dataclasses
import shutil

import pytest
import torch
from small_models import build

from fist.training.divergence import TrainingDiverged
from fist.training.gradient_step import GradientStep
from fist.training.loop import Run, train
from fist.training.settings import TrainSettings
from fist.training.speed import LAUNCHED, compiles, flatten, make_optimizer, replayed

on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
SETTINGS = TrainSettings(batch_size=16, log_every=10, precision="float32")


@pytest.mark.parametrize(
    ("name", "plain"), [("adam", torch.optim.Adam), ("radam", torch.optim.RAdam)]
)
def test_a_vector_of_parameters_takes_the_steps_of_pytorchs_plain_optimiser(name, plain):
    """Before RAdam's rectification begins (steps 1 to 5) and after, by gradients of many sizes."""
    generator = torch.Generator().manual_seed(0)
    draw = {"dtype": torch.float64, "generator": generator}
    shapes = [(20, 10), (30,), (1,)]
    alone = [torch.nn.Parameter(torch.randn(shape, **draw)) for shape in shapes]
    laid = [torch.nn.Parameter(p.detach().clone()) for p in alone]
    vector = flatten(laid)
    settings = TrainSettings(optimizer=name)
    fast = make_optimizer(settings, vector)
    slow = plain(alone, settings.learning_rate, foreach=False)
    for _ in range(60):
        for one, two in zip(alone, laid, strict=True):
            one.grad = 10 ** torch.randn(one.shape, **draw) * torch.randn(one.shape, **draw)
            two.grad.copy_(one.grad)
        fast.step()
        slow.step()
        for one, two in zip(alone, laid, strict=True):
            torch.testing.assert_close(one, two, rtol=1e-10, atol=1e-12)


def test_long_runs_are_compiled_where_there_is_a_compiler(monkeypatch):
    monkeypatch.setattr("fist.training.speed.shutil.which", lambda name: None)
    assert not compiles(TrainSettings(), 192_000)
    assert compiles(TrainSettings(compile="always"), 10)
    monkeypatch.setattr("fist.training.speed.shutil.which", lambda name: f"/usr/bin/{name}")
    assert compiles(TrainSettings(), 192_000)
    assert not compiles(TrainSettings(), 4_000)
    assert not compiles(TrainSettings(compile="never"), 192_000)
    monkeypatch.setattr("fist.training.speed.sysconfig.get_path", lambda name: "/no/headers")
    assert not compiles(TrainSettings(), 192_000)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_a_compiled_run_learns_the_same():
    """It rounds otherwise: weights stray from float64's less than twice as far as eager ones."""
    runs = {}
    for name, how, dtype in (
        ("exact", "never", torch.float64),
        ("eager", "never", torch.float32),
        ("compiled", "always", torch.float32),
    ):
        model, sample, _ = build("skills")
        model.to(dtype)
        settings = TrainSettings(steps=20, batch_size=16, precision="float32", compile=how)
        run = Run(settings, 20, seed=0, key="k")
        train(model, lambda g, s=sample, t=dtype: [x.to(t) for x in s(g)], model.losses, run)
        runs[name] = torch.cat([p.detach().double().flatten() for p in model.parameters()])
    strayed = {name: (runs[name] - runs["exact"]).norm() for name in ("eager", "compiled")}
    assert 0 < strayed["compiled"] < 2 * strayed["eager"]
    assert strayed["eager"] < 1e-3 * runs["exact"].norm()


@on_gpu
@pytest.mark.parametrize("optimizer", ["adam", "radam"])
def test_steps_replayed_on_a_gpu_are_those_that_are_launched(optimizer):
    weights = {}
    for recorded in (True, False):
        model, sample, losses = build("skills", device="cuda", phase=True)
        settings = dataclasses.replace(SETTINGS, optimizer=optimizer)
        step = GradientStep(model, sample, losses, settings, seed=0, steps=1)
        take = replayed(step, step.generator) if recorded else step
        for number in range(40):
            take(1e-3 / (1 + number))
        weights[recorded] = step.vector.detach().cpu()
        assert not recorded or take._graph is not None
    torch.testing.assert_close(weights[True], weights[False], rtol=1e-4, atol=1e-5)


@on_gpu
def test_a_run_that_diverges_in_a_graph_says_at_which_step(tmp_path):
    model, sample, losses = build("skills", device="cuda", phase=True)
    calls = torch.zeros((), device="cuda")

    def poisoned(*batch):
        calls.add_(1)
        terms = losses(*batch)
        return terms | {"kl": torch.where(calls == LAUNCHED + 5, torch.nan, terms["kl"])}

    run = Run(SETTINGS, 60, seed=0, key="k", resume=tmp_path / "run.resume")
    with pytest.raises(TrainingDiverged, match=f"step {LAUNCHED + 4}: kl = nan"):
        train(model, sample, poisoned, run)
