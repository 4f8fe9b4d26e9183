"""A video of one episode, and a sheet of pictures from it.

A checklist in the corner ticks off the task's subtasks. Beside the live view stands the target
that was looked up in the demonstrations, drawn by a second environment: one whose `state_options`
gives the reset options with which it starts from what an observation shows. Without look-ups, or
without that method, there is the live view alone.
"""

import errno
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gymnasium
import imageio_ffmpeg
import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from fist.evaluation.episode_results import EpisodeRow
from fist.evaluation.evaluate import Trial
from fist.evaluation.rollout import Observer, Wrappers, make_env, rollout
from fist.evaluation.trace import Recorder, Retrieval
from fist.methods.base import Policy
from fist.stage.files import check_place, replacing

Frame = UInt8[np.ndarray, "height width 3"]

DONE, OPEN = (120, 255, 120), (255, 255, 255)
"""Colours of a subtask that is done and of one that is not."""
FPS = 25
"""Frames per second that are enough: of an environment with more, only so many are shown."""
GIF_EVERY, GIF_COLOURS = 3, 128
"""Of the frames, every third one is in a .gif, in so many colours."""
SHEET_COLUMNS, SHEET_ROWS = 4, 2
"""Pictures on a contact sheet."""


def record_video(
    out: str | Path,
    trial: Trial,
    episode: int = 0,
    size: int = 256,
    gif: bool = False,
    episodes: int = 1,
) -> EpisodeRow:
    """Film a test episode of a trained method, or a few in a row, and return the first one's row.

    Args:
        out: the .mp4 to write; its contact sheet gets the suffix .png.
        trial: what is filmed; the test seeds begin at its first_test_seed.
        episode: number of the test episode, from 0: the row of that number in episodes.csv.
        size: width and height of the picture in pixels.
        gif: write a small .gif beside it, too.
        episodes: how many are filmed, one after another.

    Raises:
        OSError, ValueError: as for `film`; the episode's number is negative.
    """
    if episode < 0:
        raise ValueError(f"episode is {episode}, must be at least 0")
    seed, limit = trial.rollout.first_test_seed + episode, trial.rollout.max_steps
    where, policy = (trial.env_id, trial.env_kwargs), trial.policy()
    return film(out, *where, policy, seed, limit, size, trial.wrappers, gif, episodes=episodes)


def film(
    out: str | Path,
    env_id: str,
    env_kwargs: Mapping[str, Any],
    policy: Policy,
    test_seed: int,
    max_steps: int = 0,
    size: int = 256,
    wrappers: Wrappers = (),
    gif: bool = False,
    observer: Observer | None = None,
    episodes: int = 1,
) -> EpisodeRow:
    """Run an episode, write it as an mp4 video in real time, and return its row.

    Args:
        out: the .mp4 to write; a sheet of eight pictures of each episode, evenly spaced, gets the
            suffix .png.
        env_id, env_kwargs: environment with render mode "rgb_array", which must take `width` and
            `height`, too.
        policy, test_seed, max_steps, wrappers: as for `fist.evaluation.rollout.rollout`.
        size: width and height of the picture in pixels; multiples of 16 are encoded as they are.
        gif: write a small .gif beside it, too: three times as fast, in few colours.
        observer: sees every reset and step, too.
        episodes: how many to run, one after another, of this test seed and the next ones. The row
            is that of the first.

    Raises:
        OSError: the environment cannot render here, or the file cannot be written.
        ValueError: no episode or picture is asked for, or a file that is no .mp4.
    """
    out = Path(out)
    if out.suffix != ".mp4":
        raise ValueError(f"{out} is no name of a film: take one that ends with .mp4")
    for name, number in (("episodes", episodes), ("size", size)):
        if number < 1:
            raise ValueError(f"{name} is {number}, must be at least 1")
    check_place(out)
    kwargs = {**env_kwargs, "render_mode": "rgb_array", "width": size, "height": size}
    shots = [
        _shoot(env_id, kwargs, policy, seed, max_steps, wrappers, observer)
        for seed in range(test_seed, test_seed + episodes)
    ]
    pictures, fps = [picture for _, shown, _ in shots for picture in shown], shots[0][2]
    sheet = np.vstack([contact_sheet(shown) for _, shown, _ in shots])
    with replacing(out.with_suffix(".png")) as temporary:
        Image.fromarray(sheet).save(temporary)
    with replacing(out) as temporary:
        _encode(temporary, pictures, fps)
    if gif:
        shown = [Image.fromarray(picture) for picture in pictures[::GIF_EVERY]]
        colours = Image.fromarray(sheet).quantize(GIF_COLOURS)
        shown = [picture.quantize(palette=colours, dither=Image.Dither.NONE) for picture in shown]
        more: Any = {"append_images": shown[1:], "duration": round(1000 / fps), "loop": 0}
        with replacing(out.with_suffix(".gif")) as temporary:
            shown[0].save(temporary, save_all=True, **more)
    return shots[0][0]


def _encode(out: Path, pictures: Sequence[Frame], fps: float) -> None:
    """Write a film, its sides multiples of 16; OSError where it cannot be written to its end."""
    height, width, _ = pictures[0].shape
    sides = [16 * -(-side // 16) for side in (width, height)]
    what = f"-f rawvideo -vcodec rawvideo -s {width}x{height} -pix_fmt rgb24 -r {fps:.2f} -i -"
    how = "-an -vcodec libx264 -pix_fmt yuv420p -crf 10 -v error"
    if sides != [width, height]:
        how += " -vf scale={}:{}".format(*sides)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", *what.split(), *how.split(), f"file:{out}"]
    content = b"".join(picture.tobytes() for picture in pictures)
    done = subprocess.run(command, input=content, capture_output=True)
    if done.returncode:
        told = done.stderr.decode(errors="replace").partition("\n")[0]
        raise OSError(errno.EIO, told.rpartition("] ")[2] or "ffmpeg has failed")


def _shoot(
    env_id: str,
    kwargs: Mapping[str, Any],
    policy: Policy,
    seed: int,
    max_steps: int,
    wrappers: Wrappers,
    observer: Observer | None,
) -> tuple[EpisodeRow, list[Any], float]:
    """Run an episode; return its row, its pictures, and how many of them make a second."""
    frames: dict[int, Frame] = {}  # by the steps before it
    every, fps = 1, 30.0
    recorder = Recorder(policy)

    def watch(episode: int, env: gymnasium.Env, info: Mapping[str, Any]) -> None:
        nonlocal every, fps
        recorder.watch(episode, env, info)
        of_env = float(env.metadata.get("render_fps", 30.0))
        every = max(1, round(of_env / FPS))
        fps = of_env / every
        now = len(recorder.rows)
        if (now - 1) % every:
            frames.pop(now - 1, None)  # only the last frame is shown without being due
        frames[now] = _checklist(_render(env, env_id), env, info)
        if observer is not None:
            observer(episode, env, info)

    how: Any = {"observer": watch, "wrappers": wrappers}
    [row] = rollout(env_id, kwargs, recorder, [seed], max_steps, **how)
    # A frame shows what the policy acts on next, so that a look-up is seen beside its state.
    found = recorder.found
    found = [found[min(now, len(found) - 1)] for now in frames]
    targets = _targets(found, env_id, kwargs, seed)
    pictures: list[Any] = list(frames.values())
    if targets:
        pictures = [np.concatenate(pair, axis=1) for pair in zip(pictures, targets, strict=True)]
    return row, pictures, fps


def contact_sheet(frames: Sequence[Frame]) -> Frame:
    """Return evenly spaced frames, the first and the last among them, side by side in rows."""
    chosen = np.linspace(0, len(frames) - 1, SHEET_COLUMNS * SHEET_ROWS).round().astype(int)
    rows = chosen.reshape(SHEET_ROWS, SHEET_COLUMNS)
    return np.vstack([np.hstack([frames[i] for i in row]) for row in rows])


def _targets(
    found: Sequence[Retrieval | None], env_id: str, kwargs: Mapping[str, Any], seed: int
) -> list[Frame]:
    """Draw the target of every look-up; nothing where there are none, or the env cannot."""
    made = [retrieval for retrieval in found if retrieval is not None]
    if len(made) < len(found):
        return []
    drawn: dict[tuple[int, int], Frame] = {}
    with make_env(env_id, kwargs) as env:
        if not env.has_wrapper_attr("state_options"):
            return []
        options = env.get_wrapper_attr("state_options")
        for demo, step, _, target in made:
            if (demo, step) not in drawn:
                env.reset(seed=seed, options=options(target))
                text = f"target: demonstration {demo}, after step {step}"
                drawn[demo, step] = _write(_render(env, env_id), [(text, OPEN)])
    return [drawn[retrieval[:2]] for retrieval in made]


def _render(env: gymnasium.Env, env_id: str) -> Any:
    try:
        return env.render()
    except RuntimeError as error:  # no OpenGL on this machine
        raise OSError(f"cannot film {env_id}: {error}") from error


def _checklist(frame: Frame, env: gymnasium.Env, info: Mapping[str, Any]) -> Frame:
    """Write the subtasks into a frame's corner, those counted so far ticked off."""
    if "completed_ordered" not in info:
        return frame
    subtasks = zip(env.get_wrapper_attr("subtasks"), info["completed_ordered"], strict=True)
    texts = [(name.replace("_", " "), done) for name, done in subtasks]
    return _write(frame, [(f"[x] {t}", DONE) if done else (f"[ ] {t}", OPEN) for t, done in texts])


def _write(frame: Frame, lines: Sequence[tuple[str, tuple[int, int, int]]]) -> Frame:
    """Write lines of text, each in its colour, into a frame's upper left corner."""
    image = Image.fromarray(frame)
    draw = ImageDraw.Draw(image)
    height = max(10, frame.shape[0] // 20)
    font = ImageFont.load_default(height)
    for line, (text, color) in enumerate(lines):
        place = (height // 2, height // 2 + line * (height + 4))
        draw.text(place, text, fill=color, font=font, stroke_width=1, stroke_fill=(0, 0, 0))
    return np.asarray(image)
