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
from .script import CLOSED, POSTURES, Move, moves

STEP_SECONDS = 0.08
MAX_ACTION = 0.999

HANDLES = {
    "bottom_burner": ("knob2_site", "knob_Joint_2"),
    "top_burner": ("knob4_site", "knob_Joint_4"),
    "light_switch": ("light_site", "light_switch"),
    "slide_cabinet": ("slide_site", "slide_cabinet"),
    "hinge_cabinet": ("hinge_site2", "right_hinge_cabinet"),
    "microwave": ("microhandle_site", "microwave"),
}
"""Where the hand takes hold of an element, and the joint that it drives, by their names."""
KETTLE_BODY = "kettle"
KETTLE_POST = np.array([-0.092, 0.0, 0.18])
"""Centre of the kettle's left post in the kettle's frame (m): its handle for the operator."""

ROTATION_PER_STEP = 0.16
"""Fastest turn of the hand (rad per step)."""
MAX_ROLL = np.radians(92.0)
"""Furthest the operator twists the hand (rad): the wrist's limit is near."""
APPROACH_RATE = 0.35
"""Share of the remaining way travelled per step when a move ends at a stop."""
NOTHING = 0.014
"""Closed fingers that are open less than this together (m) hold nothing."""
LET_GO = 0.016
"""A hand that leaves is slow until its fingers have opened clearly further than this (m)."""
ALIGNED = 0.01
"""A hand this far or less beside the line to its target (m) is aligned with it."""
HOLD_BACK, HOLD_BACK_LIMIT = 2.0, 0.1
"""How far the hand stays back per distance that it is beside the line, and at most (m)."""
SMOOTHING = 0.45
"""Weight of the newly wanted velocity in the low-pass filter on the hand's velocity."""
SHAKE = 0.009
"""Standard deviation of the arm's unsteadiness (rad of set-point, per joint)."""
LEAST_SHAKE = 0.4
"""Share of it that is left while the hand is at a handle."""
SHAKE_MEMORY = 0.85
"""Correlation of the unsteadiness between consecutive steps."""


class TeleOperator:
    """Do a sequence of elements in one kitchen environment, reacting to what happens."""

    def __init__(self, env: KitchenEnv, sequence: Sequence[str], rng: np.random.Generator):
        """Get ready for an episode; call after `env.reset`.

        Args:
            env: the bare environment, whose scene the operator sees.
            sequence: elements to do, in order.
            rng: source of everything that varies between performances.
        """
        self._model, self._data, self._arm = env.model, env.data, Arm(env.model, env.data)
        self._sequence, self._rng = canonical_sequence(sequence), rng
        self._velocity, self._shake = np.zeros(6), rng.normal(0.0, SHAKE, 7)
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
        velocity = self._hand_velocity(move)
        self._shake *= SHAKE_MEMORY
        self._shake += self._rng.normal(0.0, SHAKE * np.sqrt(1.0 - SHAKE_MEMORY**2), 7)
        shake = self._freedom(move) * self._shake
        joints = self._arm.set_points(velocity, self._posture, shake)
        set_point = np.append(joints, [move.fingers, move.fingers])
        action = (set_point - observation[:ROBOT_SIZE]) / SET_POINT_PER_ACTION
        return action.clip(-MAX_ACTION, MAX_ACTION).astype(np.float32)

    def _begin(self) -> None:
        """Start, or start again, on the current element."""
        self._element = self._sequence[min(self._current, len(self._sequence) - 1)]
        self._moves = moves(self._element, self._rng)
        self._posture = np.array(POSTURES[self._element])
        self._start_leg(0)

    def _start_leg(self, leg: int) -> None:
        self._leg, self._steps_in_leg = leg, 0
        self._handle_at_start = self._handle(0.0)

    def _advance(self) -> None:
        """Go on to the next move, element or attempt where the current move has ended."""
        if self.finished:
            return
        self._steps_in_leg += 1
        move = self._moves[self._leg]
        given_up = self._steps_in_leg > move.patience
        in_vain = given_up and (move.stop or move.until is not None) and not self._complete()
        if in_vain or self._lost(move):
            self._begin()
        elif not (given_up or self._arrived(move)):
            return
        elif self._leg + 1 < len(self._moves):
            self._start_leg(self._leg + 1)
        else:
            self._current += self._complete()
            self._begin()

    def _lost(self, move: Move) -> bool:
        """Return whether the hand should be driving the element but no longer has it."""
        if (move.until is None and move.place is None) or self._complete():
            return False
        _, wanted = self._target(move)
        held = self._handle(0.0) + np.array(move.offset) + move.reach * wanted[:, 2]
        grasps_nothing = move.fingers == CLOSED and self._arm.fingers().sum() < NOTHING
        return bool(grasps_nothing or np.linalg.norm(held - self._arm.pose()[0]) > move.hold)

    def _complete(self) -> bool:
        return bool(element_complete(self._data.qpos)[ELEMENTS.index(self._element)])

    def _arrived(self, move: Move) -> bool:
        if move.until is not None:
            return self._progress() > move.until
        if move.gripped is not None:
            return bool(self._arm.fingers().sum() < move.gripped)
        return bool(np.linalg.norm(self._target(move)[0] - self._arm.pose()[0]) < move.radius)

    def _progress(self) -> float:
        """Return how far the current element has moved (rad or m; the kettle: its y)."""
        if self._element == KETTLE_BODY:
            return self._data.body(KETTLE_BODY).xpos[1]
        return abs(self._data.joint(HANDLES[self._element][1]).qpos[0])

    def _handle(self, lead: float) -> np.ndarray:
        """Return where the current handle would be, were its joint moved on by `lead` (3,)."""
        if self._element == KETTLE_BODY:
            body = self._data.body(KETTLE_BODY)
            return body.xpos + body.xmat.reshape(3, 3) @ KETTLE_POST
        site, joint_name = HANDLES[self._element]
        handle, joint = self._data.site(site).xpos.copy(), self._data.joint(joint_name)
        if self._model.joint(joint_name).type[0] == mujoco.mjtJoint.mjJNT_SLIDE:
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
        start = self._handle_at_start if move.leave else self._handle(move.lead)
        if move.place is not None:
            start = np.array(move.place)
        return start + np.array(move.offset) + move.reach * wanted[:, 2], wanted

    def _hand_velocity(self, move: Move) -> np.ndarray:
        """Return the hand's smoothed velocity (6,) towards the target, in m and rad per step."""
        target, wanted = self._target(move)
        position, current = self._arm.pose()
        way = target - position
        if move.stop:
            forward = wanted[:, 2]
            aside = float(np.linalg.norm(way - forward * (way @ forward)))
            way -= forward * min(HOLD_BACK_LIMIT, HOLD_BACK * max(0.0, aside - ALIGNED))
        distance = float(np.linalg.norm(way)) + 1e-9
        step = move.speed * STEP_SECONDS
        if move.stop or move.gripped is not None or move.twist:
            step = min(step, APPROACH_RATE * distance)
        if move.leave:
            step *= np.clip((self._arm.fingers().min() - LET_GO) / LET_GO, 0.2, 1.0)
        turn = rotation_vector(wanted @ current.T)
        turn *= np.clip(step / distance, 0.12, APPROACH_RATE)
        turn *= min(1.0, ROTATION_PER_STEP / (np.linalg.norm(turn) + 1e-9))
        velocity = np.concatenate([way * (step / distance), turn])
        self._velocity += SMOOTHING * (velocity - self._velocity)
        return self._velocity

    def _freedom(self, move: Move) -> float:
        """Return how much of its unsteadiness the arm shows: all of it only away from handles."""
        if move.fingers == CLOSED or move.until is not None:
            return LEAST_SHAKE
        distance = np.linalg.norm(self._handle_at_start - self._arm.pose()[0])
        return float(np.clip((distance - 0.05) / 0.12, LEAST_SHAKE, 1.0))
