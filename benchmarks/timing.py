"""Fair timing on a machine that others use too, and what that machine could do at best.

Contenders take turns in short bursts of one process, so that a busy neighbour slows all of them.
Every figure is a median over bursts, every ratio a median of the bursts' ratios. CPU time is that
of the whole process tree: a loader's workers count.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import psutil
import torch
from torch.utils.flop_counter import FlopCounterMode

Step = Callable[[], object]
"""Does one unit of work: a gradient step, a control step, an episode."""


def cpu_seconds() -> float:
    """Return the CPU time of this process and of its running children."""
    spent = time.process_time()
    for child in psutil.Process().children(recursive=True):
        try:
            times = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        spent += times.user + times.system
    return spent


@dataclass(frozen=True)
class Timing:
    """Seconds per step in every burst of one contender."""

    wall: np.ndarray
    cpu: np.ndarray

    def milliseconds(self) -> float:
        """Return the median CPU time of a step, in ms."""
        return 1e3 * float(np.median(self.cpu))


def race(
    contenders: dict[str, Step],
    bursts: int = 15,
    steps: int = 10,
    warm_up: int = 5,
    pause: float = 0.0,
    finish: Callable[[], object] = lambda: None,
) -> dict[str, Timing]:
    """Let contenders take turns, `steps` steps at a time, and return their timings.

    A burst ends with `finish`, which waits for what it has set going. After each burst there are
    `pause` seconds for workers to fill their queues, so that a burst pays, in CPU time, for the
    batches that it took.
    """
    for step in contenders.values():
        for _ in range(warm_up):
            step()
        finish()
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    for _ in range(bursts):
        for name, step in contenders.items():
            cpu, wall = cpu_seconds(), time.perf_counter()
            for _ in range(steps):
                step()
            finish()
            wall = time.perf_counter() - wall
            time.sleep(pause)
            seconds[name].append((wall / steps, (cpu_seconds() - cpu) / steps))
    return {name: Timing(*np.array(bursts).T) for name, bursts in seconds.items()}


def once(step: Step) -> float:
    """Return the CPU seconds of one step."""
    begin = cpu_seconds()
    step()
    return cpu_seconds() - begin


@dataclass(frozen=True)
class Machine:
    """What one core does at best, measured."""

    float32: float
    """Multiplications and additions per second, of matrices in float32."""
    bfloat16: float
    """The same in bfloat16."""
    bandwidth: float
    """Bytes per second, read and written by a copy that fits no cache."""

    @classmethod
    def measure(cls) -> Machine:
        """Measure, a second each; the best of several tries, as a floor has to be."""
        rates = {}
        for dtype in (torch.float32, torch.bfloat16):
            size = 1024 if dtype == torch.float32 else 512
            a, b = torch.randn(2, size, size).to(dtype)
            out = torch.empty_like(a)
            rates[dtype] = 2 * size**3 / _best(lambda a=a, b=b, out=out: torch.mm(a, b, out=out))
        source = torch.zeros(64 * 2**20)
        target = torch.empty_like(source)
        seconds = _best(lambda: target.copy_(source))
        return cls(rates[torch.float32], rates[torch.bfloat16], 8 * len(source) / seconds)

    def floor(self, flops: float, bytes_moved: float = 0.0, dtype: str = "float32") -> float:
        """Return the ms below which no program that does this much can come."""
        return 1e3 * max(flops / getattr(self, dtype), bytes_moved / self.bandwidth)

    def __str__(self) -> str:
        return (
            f"one core: {self.float32 / 1e9:.0f} GFLOP/s in float32, {self.bfloat16 / 1e9:.0f} in "
            f"bfloat16, {self.bandwidth / 1e9:.1f} GB/s"
        )


def _best(step: Step) -> float:
    """Return the least CPU seconds of a step among those that a second has room for."""
    step()
    found: list[float] = []
    until = time.perf_counter() + 1
    while len(found) < 5 or time.perf_counter() < until:
        begin = time.process_time()
        step()
        found.append(time.process_time() - begin)
    return min(found)


def flops(step: Step) -> int:
    """Return the multiplications and additions of the matrix products in a step."""
    with FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops()


HEAD = (
    "| what | CPU, ms | x plain, CPU | quartiles | x plain, wall | floor, ms | floor, bfloat16 |\n"
    "|---|---:|---:|---|---:|---:|---:|"
)


def rows(
    title: str, timings: dict[str, Timing], floors: tuple[float | None, float | None] = (None, None)
) -> list[str]:
    """Return the table's rows of a race; the first contender is the plain one."""
    plain = next(iter(timings.values()))
    lines = []
    for name, timing in timings.items():
        low, middle, high = np.percentile(plain.cpu / timing.cpu, (25, 50, 75))
        wall = np.median(plain.wall / timing.wall)
        floor = "| | |" if timing is plain else f"| {_ms(floors[0])} | {_ms(floors[1])} |"
        lines.append(
            f"| {title}: {name} | {timing.milliseconds():.3g} | {middle:.2f} | {low:.2f}-{high:.2f}"
            f" | {wall:.2f} {floor}"
        )
    return lines


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
