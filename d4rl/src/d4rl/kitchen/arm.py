"""Move the Franka's hand: where it is, and which set-points give it a wanted velocity."""

import mujoco
import numpy as np

ARM_SIZE = 7
HAND_SITE = "end_effector"
"""A point between the fingers, 5 cm behind their tips; its z axis points out of the hand."""

FOLLOWED_PER_STEP = np.array([0.51, 0.40, 0.63, 0.54, 0.62, 0.63, 0.62])
"""Share of the way to its set-point that each arm joint travels in one step of 0.08 s (measured).

The joints are so strongly damped that they have no inertia to speak of: velocity is proportional
to the distance between the set-point and the joint.
"""
STIFFNESS = np.array([870.0, 870.0, 870.0, 870.0, 120.0, 120.0, 120.0])
"""Gain of the position actuators (N m / rad)."""
MAX_LEAD = 0.12
"""Furthest the operator puts a set-point ahead of a joint (rad): actions stay within 0.82."""

ROTATION_LENGTH = 0.2
"""An error of 1 rad in the hand's orientation weighs as much as one of this many metres."""
DAMPING = 0.03
"""Weight of joint motion against hand motion (m / rad): keeps singular poses calm."""
POSTURE_RATE = 0.15
"""Share of the way to the preferred posture that is asked for in each step."""


class Arm:
    """The arm of one simulated kitchen, as its operator sees it (no observation noise)."""

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData):
        self._model, self._data = model, data
        self._site = model.site(HAND_SITE).id
        self._jacobian = np.zeros((6, model.nv))
        limits = model.jnt_range[:ARM_SIZE]
        self._low, self._high = limits[:, 0] + 0.01, limits[:, 1] - 0.01

    def pose(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the hand's position (3,) in metres and its orientation (3, 3), axes as columns."""
        position = self._data.site_xpos[self._site].copy()
        return position, self._data.site_xmat[self._site].reshape(3, 3).copy()

    def fingers(self) -> np.ndarray:
        """Return how far each of the two fingers is open (2,), 0 to 0.04 m."""
        return self._data.qpos[ARM_SIZE : ARM_SIZE + 2].copy()

    def set_points(
        self, velocity: np.ndarray, posture: np.ndarray, shake: np.ndarray
    ) -> np.ndarray:
        """Return the joint set-points that move the hand as asked during the next step.

        Damped least squares over the joint steps, relaxing to a posture in the directions that the
        hand leaves free, inside the joint limits (joints that would pass one are held there and
        the others solved again). A motion too fast for one joint is slowed down as a whole, so
        that the hand keeps to its path.

        Args:
            velocity: (6,) translation (m) and rotation vector (rad) per step, in world axes.
            posture: (7,) preferred joint angles (rad).
            shake: (7,) unsteadiness of the arm, added to the set-points (rad).

        Returns:
            (7,) set-points (rad).
        """
        joints = self._data.qpos[:ARM_SIZE]
        translation, rotation = self._jacobian[:3], self._jacobian[3:]
        mujoco.mj_jacSite(self._model, self._data, translation, rotation, self._site)
        jacobian = np.vstack([translation[:, :ARM_SIZE], ROTATION_LENGTH * rotation[:, :ARM_SIZE]])
        wanted = np.concatenate([velocity[:3], ROTATION_LENGTH * velocity[3:]])
        hessian = jacobian.T @ jacobian
        hessian[np.diag_indices(ARM_SIZE)] += DAMPING**2
        relax = POSTURE_RATE * (posture - joints)
        relax -= np.linalg.solve(hessian, jacobian.T @ (jacobian @ relax))
        gradient = jacobian.T @ wanted + DAMPING**2 * relax
        step = _solve_in_box(hessian, gradient, self._low - joints, self._high - joints)
        lead = step / FOLLOWED_PER_STEP
        lead *= min(1.0, MAX_LEAD / np.abs(lead).max())
        gravity = self._data.qfrc_bias[:ARM_SIZE] / STIFFNESS
        return joints + np.clip(lead + gravity + shake, -MAX_LEAD, MAX_LEAD)


def _solve_in_box(
    hessian: np.ndarray, gradient: np.ndarray, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Minimise x'Hx/2 - g'x, holding at its bound every entry that would pass it."""
    low, high = np.minimum(low, 0.0), np.maximum(high, 0.0)
    step = np.zeros(len(gradient))
    free = np.ones(len(gradient), dtype=bool)
    while free.any():
        rest = gradient[free] - hessian[np.ix_(free, ~free)] @ step[~free]
        step[free] = np.linalg.solve(hessian[np.ix_(free, free)], rest)
        outside = free & ((step < low) | (step > high))
        if not outside.any():
            break
        step[outside] = step[outside].clip(low[outside], high[outside])
        free &= ~outside
    return step


def orientation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Return the (3, 3) orientation of a hand that points into the kitchen.

    Args:
        yaw: radians from straight ahead (+y) to the right (+x).
        pitch: radians upwards.
        roll: radians clockwise, as the operator sees it; at 0 the fingers open sideways.
    """
    ahead = np.array([np.sin(yaw), np.cos(yaw), 0.0])
    right = np.array([np.cos(yaw), -np.sin(yaw), 0.0])
    forward = np.cos(pitch) * ahead + [0.0, 0.0, np.sin(pitch)]
    up = np.cross(right, forward)
    thumb = np.cos(roll) * up + np.sin(roll) * right
    return np.column_stack([thumb, np.cross(forward, thumb), forward])


def rotation_vector(rotation: np.ndarray) -> np.ndarray:
    """Return the rotation vector (3,) in radians of a rotation matrix (3, 3)."""
    quaternion = np.empty(4)
    mujoco.mju_mat2Quat(quaternion, np.ascontiguousarray(rotation).ravel())
    vector = np.empty(3)
    mujoco.mju_quat2Vel(vector, quaternion, 1.0)
    return vector
