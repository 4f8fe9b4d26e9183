"""The numbers of the ants' gait, see `walker`; written by `benchmarks/ant_walker.py`."""

GAIT = {
    "frequency": 1.2765,
    "hip": -0.2942,
    "hip_swing": 1.4160,
    "turn_cos": 0.9266,
    "turn_sin": -0.2673,
    "ankle": 0.1851,
    "ankle_cos": -0.6265,
    "ankle_sin": 0.0795,
    "reach": 0.3611,
    "reach_cos": -0.1636,
    "reach_sin": 0.3924,
    "stiffness": 2.5686,
    "damping": 0.5279,
}
