"""A video of one episode, with the task's sub-tasks as a checklist in its corner."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium
import imageio.v2 as imageio
import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from fist.evaluate import Method
from fist.files import replacing
from fist.policy import Policy
from fist.results import EpisodeRow
from fist.rollout import RolloutSettings, rollout

DONE, OPEN = (120, 255, 120), (255, 255, 255)
"""Colours of a sub-task that is done and of one that is not."""


def record_video(
    out: str | Path,
    env_id: str,
    env_kwargs: Mapping[str, Any],
    method: Method,
    settings: RolloutSettings,
    seed: int = 0,
    episode: int = 0,
    size: int = 256,
) -> EpisodeRow:
    """Film one test episode of a trained method, and return its row.

    Args:
        out: the .mp4 to write.
        env_id, env_kwargs: the environment, see `film`.
        method: what to film.
        settings: how it acts; the test seeds begin at its first_test_seed.
        seed: the training seed; it seeds a random encoder.
        episode: number of the test episode, from 0: the row of that number in episodes.csv.
        size: width and height of the picture in pixels.
    """
    policy = method.policy(settings, seed)
    test_seed = settings.first_test_seed + episode
    return film(out, env_id, env_kwargs, policy, test_seed, settings.max_steps, size)


def film(
    out: str | Path,
    env_id: str,
    env_kwargs: Mapping[str, Any],
    policy: Policy,
    test_seed: int,
    max_steps: int = 0,
    size: int = 256,
) -> EpisodeRow:
    """Run one episode, write it as an mp4 video in real time, and return its row.

    Args:
        out: the .mp4 to write.
        env_id: Gymnasium id of an environment with render mode "rgb_array".
        env_kwargs: its arguments; it must also take `width` and `height`.
        policy: acts in the episode.
        test_seed: seed of the episode.
        max_steps: length limit; 0 for the environment's own.
        size: width and height of the picture in pixels; multiples of 16 are encoded as they are.

    Raises:
        OSError: the environment cannot render here, or the file cannot be written.
    """
    frames: list[np.ndarray] = []
    fps: list[float] = []

    def watch(_episode: int, env: gymnasium.Env, info: Mapping[str, Any]) -> None:
        fps[:] = [float(env.metadata.get("render_fps", 30.0))]
        try:
            picture = env.render()
        except RuntimeError as error:  # no OpenGL on this machine
            raise OSError(f"cannot film {env_id}: {error}") from error
        frames.append(_checklist(picture, env, info))

    kwargs = {**env_kwargs, "render_mode": "rgb_array", "width": size, "height": size}
    [row] = rollout(env_id, kwargs, policy, [test_seed], max_steps, observer=watch)
    with replacing(out) as temporary:
        imageio.mimsave(temporary, frames, fps=fps[0], codec="libx264", quality=8)
    return row


def _checklist(
    frame: UInt8[np.ndarray, "height width 3"], env: gymnasium.Env, info: Mapping[str, Any]
) -> UInt8[np.ndarray, "height width 3"]:
    """Write the sub-tasks into a frame's corner, those counted so far ticked off."""
    if "completed_ordered" not in info:
        return frame
    image = Image.fromarray(frame)
    draw = ImageDraw.Draw(image)
    height = max(10, frame.shape[0] // 20)
    font = ImageFont.load_default(height)
    subtasks = zip(env.get_wrapper_attr("subtasks"), info["completed_ordered"], strict=True)
    for line, (subtask, done) in enumerate(subtasks):
        draw.text(
            (height // 2, height // 2 + line * (height + 4)),
            f"[{'x' if done else ' '}] {subtask.replace('_', ' ')}",
            fill=DONE if done else OPEN,
            font=font,
            stroke_width=1,
            stroke_fill=(0, 0, 0),
        )
    return np.asarray(image)
