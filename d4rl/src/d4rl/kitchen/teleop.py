"""A scripted tele-operator: does kitchen tasks through the environment's own step, as people did.

Each step it looks at the scene, asks for a hand velocity towards the current move's target, turns
that into joint set-points and emits the action that D4RL recorded for people:

    action = clip((set-point - noisy observed joints) / 0.16, -0.999, 0.999)
"""

from collections.abc import Sequence

import mujoco
import numpy as np

from .arm import Arm, orientation, rotation_vector
from .elements import ELEMENTS, ROBOT_SIZE, canonical_sequence, element_complete
from .env import SET_POINT_PER_ACTION, KitchenEnv
from .script import POSTURES, Move, moves

STEP_SECONDS = 0.08
MAX_ACTION = 0.999

HANDLE_SITES = {
    "bottom_burner": "knob2_site",
    "top_burner": "knob4_site",
    "light_switch": "light_site",
    "slide_cabinet": "slide_site",
    "hinge_cabinet": "hinge_site2",
    "microwave": "microhandle_site",
}
JOINTS = {
    "bottom_burner": "knob_Joint_2",
    "top_burner": "knob_Joint_4",
    "light_switch": "light_switch",
    "slide_cabinet": "slide_cabinet",
    "hinge_cabinet": "right_hinge_cabinet",
    "microwave": "microwave",
}
KETTLE_BODY = "kettle"
KETTLE_POST = np.array([-0.092, 0.0, 0.18])
"""Centre of the kettle's left post in the kettle's frame (m): its handle for the operator."""

ROTATION_PER_STEP = 0.16
"""Fastest turn of the hand (rad per step)."""
MAX_ROLL = np.radians(92.0)
"""Furthest the operator twists the hand (rad): the wrist's limit is near."""
APPROACH_RATE = 0.35
"""Share of the remaining way travelled per step when a move ends at a stop."""
SMOOTHING = 0.45
"""Weight of the newly wanted velocity in the low-pass filter on the hand's velocity."""
TREMOR = 0.004
"""Standard deviation of the hand's tremor (m)."""
TREMOR_MEMORY = 0.85
"""Correlation of the tremor between consecutive steps."""


class TeleOperator:
    """Do a sequence of elements in one kitchen environment, reacting to what happens."""

    def __init__(self, env: KitchenEnv, sequence: Sequence[str], rng: np.random.Generator):
        """Get ready for an episode; call after `env.reset`.

        Args:
            env: the bare environment, whose scene the operator sees.
            sequence: elements to do, in order.
            rng: source of everything that varies between performances.
        """
        self._model, self._data = env.model, env.data
        self._arm = Arm(env.model, env.data)
        self._sequence = canonical_sequence(sequence)
        self._rng = rng
        self._velocity = np.zeros(6)
        self._tremor = rng.normal(0.0, TREMOR, 3)
        self._current = 0
        self._begin()

    @property
    def finished(self) -> bool:
        """Whether every element has been done and left."""
        return self._current == len(self._sequence)

    def act(self, observation: np.ndarray) -> np.ndarray:
        """Return the action (9,) float32 within +-0.999 for a noisy observation (60,)."""
        self._advance()
        move = self._moves[self._leg]
        set_point = np.empty(ROBOT_SIZE)
        set_point[:7] = self._arm.set_points(self._hand_velocity(move), self._posture)
        set_point[7:] = move.fingers
        action = (set_point - observation[:ROBOT_SIZE]) / SET_POINT_PER_ACTION
        return action.clip(-MAX_ACTION, MAX_ACTION).astype(np.float32)

    def _begin(self) -> None:
        """Start, or start again, on the current element."""
        self._element = self._sequence[min(self._current, len(self._sequence) - 1)]
        self._moves = moves(self._element, self._rng)
        self._posture = np.array(POSTURES[self._element])
        self._leg = self._steps_in_leg = 0

    def _advance(self) -> None:
        """Go on to the next move, element or attempt where the current move has ended."""
        self._steps_in_leg += 1
        move = self._moves[self._leg]
        given_up = self._steps_in_leg > move.patience
        if not (given_up or self._arrived(move)) or self.finished:
            return
        self._steps_in_leg = 0
        if given_up and move.until is not None:
            self._begin()
        elif self._leg + 1 < len(self._moves):
            self._leg += 1
        elif self._complete():
            self._current += 1
            if not self.finished:
                self._begin()
        else:
            self._begin()

    def _complete(self) -> bool:
        return bool(element_complete(self._data.qpos)[ELEMENTS.index(self._element)])

    def _arrived(self, move: Move) -> bool:
        if move.until is not None:
            return self._progress() > move.until
        if move.gripped is not None:
            return self._arm.fingers().sum() < move.gripped
        return np.linalg.norm(self._target(move)[0] - self._arm.pose()[0]) < move.radius

    def _progress(self) -> float:
        """Return how far the current element has moved (rad or m; the kettle: its y)."""
        if self._element == KETTLE_BODY:
            return self._data.body(KETTLE_BODY).xpos[1]
        return abs(self._data.joint(JOINTS[self._element]).qpos[0])

    def _handle(self, lead: float) -> np.ndarray:
        """Return where the current handle would be, were its joint moved on by `lead` (3,)."""
        if self._element == KETTLE_BODY:
            body = self._data.body(KETTLE_BODY)
            return body.xpos + body.xmat.reshape(3, 3) @ KETTLE_POST
        handle = self._data.site(HANDLE_SITES[self._element]).xpos.copy()
        joint = self._data.joint(JOINTS[self._element])
        kind = int(self._model.joint(JOINTS[self._element]).type[0])
        if kind == int(mujoco.mjtJoint.mjJNT_SLIDE):
            return handle + lead * joint.xaxis
        quaternion, moved = np.empty(4), np.empty(3)
        mujoco.mju_axisAngle2Quat(quaternion, joint.xaxis, lead)
        mujoco.mju_rotVecQuat(moved, handle - joint.xanchor, quaternion)
        return joint.xanchor + moved

    def _target(self, move: Move) -> tuple[np.ndarray, np.ndarray]:
        """Return the position (3,) and orientation (3, 3) that a move leads the hand to."""
        roll = np.radians(move.roll)
        if move.twist:
            roll = min(roll + self._progress(), MAX_ROLL)
        wanted = orientation(np.radians(move.yaw), np.radians(move.pitch), roll)
        start = self._handle(move.lead) if move.place is None else np.array(move.place)
        return start + np.array(move.offset) + move.reach * wanted[:, 2], wanted

    def _hand_velocity(self, move: Move) -> np.ndarray:
        """Return the hand's smoothed velocity (6,) towards the target, in m and rad per step."""
        innovation = TREMOR * np.sqrt(1.0 - TREMOR_MEMORY**2)
        self._tremor = TREMOR_MEMORY * self._tremor + self._rng.normal(0.0, innovation, 3)
        target, wanted = self._target(move)
        position, current = self._arm.pose()
        way = target + self._tremor - position
        distance = np.linalg.norm(way) + 1e-9
        step = move.speed * STEP_SECONDS
        if move.stop or move.gripped is not None or move.twist:
            step = min(step, APPROACH_RATE * distance)
        turn = rotation_vector(wanted @ current.T)
        turn *= np.clip(step / distance, 0.12, APPROACH_RATE)
        turn *= min(1.0, ROTATION_PER_STEP / (np.linalg.norm(turn) + 1e-9))
        velocity = np.concatenate([way * (step / distance), turn])
        self._velocity += SMOOTHING * (velocity - self._velocity)
        return self._velocity
