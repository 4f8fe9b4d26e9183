"""Render a model offscreen through EGL, without a display."""

import copy
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Self

import gymnasium
import mujoco
import numpy as np

from .checks import check_pictures


class Camera(NamedTuple):
    """Where a picture is taken from."""

    lookat: tuple[float, float, float]
    """The point in its middle (m)."""
    distance: float
    """Distance from that point (m)."""
    azimuth: float
    """Degrees around the vertical."""
    elevation: float
    """Degrees above the horizon, negative to look down."""


def _egl_context(width: int, height: int):
    """Return an EGL context, current in this thread, whatever MUJOCO_GL was when mujoco loaded."""
    # Mesa's software renderer would otherwise wait, in a forked process, for threads of its parent.
    os.environ.setdefault("LP_NUM_THREADS", "0")
    try:
        from mujoco.egl import GLContext

        context = GLContext(width, height)
        context.make_current()
    except Exception as error:  # missing libraries and devices show up as many kinds of error
        raise RuntimeError(
            f"pictures are rendered through EGL, which does not work here: {error}. "
            "Install libEGL (Debian: libegl1 and libgl1-mesa-dri), or make the environment "
            "without render_mode: nothing else needs OpenGL"
        ) from error
    return context


class Renderer:
    """Draws states of the model, with shadows and reflections off.

    Its OpenGL context is current while a frame is drawn and never else, so any thread may ask for
    one, and renderers do not come into each other's way.
    """

    def __init__(self, model: mujoco.MjModel, width: int, height: int):
        most = model.vis.global_.offwidth, model.vis.global_.offheight
        if not (0 < width <= most[0] and 0 < height <= most[1]):
            size = f"{most[0]} x {most[1]} pixels"
            raise ValueError(f"a frame is at most {size}, asked for {width} x {height}")
        self._model = model
        self._context, self._lock = _egl_context(width, height), threading.Lock()
        with self._current():
            self._mjr = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100)
            mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._mjr)
        self._scene = mujoco.MjvScene(model, maxgeom=1000)
        self._scene.flags[int(mujoco.mjtRndFlag.mjRND_SHADOW)] = False
        self._scene.flags[int(mujoco.mjtRndFlag.mjRND_REFLECTION)] = False
        self._options = mujoco.MjvOption()
        self._camera = mujoco.MjvCamera()
        self._rectangle = mujoco.MjrRect(0, 0, width, height)
        self._frame = np.empty((height, width, 3), dtype=np.uint8)

    def frame(self, data: mujoco.MjData, camera: Camera) -> np.ndarray:
        """Return the state in `data` as a new (height, width, 3) uint8 array."""
        for name, value in camera._asdict().items():
            setattr(self._camera, name, value)
        shown = int(mujoco.mjtCatBit.mjCAT_ALL)
        with self._current():
            mujoco.mjv_updateScene(
                self._model, data, self._options, None, self._camera, shown, self._scene
            )
            mujoco.mjr_render(self._rectangle, self._scene, self._mjr)
            mujoco.mjr_readPixels(self._frame, None, self._rectangle, self._mjr)
            return self._frame[::-1].copy()  # OpenGL counts rows from the bottom

    def close(self) -> None:
        """Free the OpenGL resources."""
        with self._current():
            self._mjr.free()
        self._context.free()

    @contextmanager
    def _current(self) -> Iterator[None]:
        from mujoco import egl

        none = egl.EGL.EGL_NO_CONTEXT
        with self._lock:
            self._context.make_current()
            try:
                yield
            finally:
                egl.EGL.eglMakeCurrent(egl.EGL_DISPLAY, none, none, none)


class RenderedEnv(gymnasium.Env):
    """An environment whose state can be looked at; OpenGL is needed from the first picture on.

    A copy, or what is unpickled, goes on as the original would, and makes a renderer of its own.
    """

    camera: Camera

    def __init__(self, model: mujoco.MjModel, render_mode: str | None, width: int, height: int):
        """Begin with a model, and allow pictures of it.

        Args:
            model: what is simulated.
            render_mode: "rgb_array" to allow `render`, which needs EGL; None: no pictures.
            width, height: size of a picture in pixels.

        Raises:
            ValueError: another render mode, or a picture without pixels.
        """
        check_pictures(render_mode, width, height)
        self.model, self.data = model, mujoco.MjData(model)
        self.render_mode = render_mode
        self._frame_size = (width, height)
        self._renderer: Renderer | None = None
        self._begun = False

    def render(self) -> np.ndarray | None:
        """Return the scene as a (height, width, 3) uint8 frame, or None without a render mode.

        Raises:
            RuntimeError: EGL does not work here.
        """
        if self.render_mode is None:
            return None
        if self._renderer is None:
            self._renderer = Renderer(self.model, *self._frame_size)
        return self._renderer.frame(self.data, self.camera)

    def close(self) -> None:
        """Give the rendering context back, if there is one."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    def __getstate__(self) -> dict[str, Any]:
        """Return all but the renderer; the model goes along with its data."""
        state = {**vars(self), "_renderer": None}
        del state["model"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, model=state["data"].model)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return a copy that shares nothing but the model, which is only read."""
        new = type(self).__new__(type(self))
        memo |= {id(self): new, id(self.data): copy.copy(self.data)}
        new.__setstate__(copy.deepcopy(self.__getstate__(), memo))
        return new
