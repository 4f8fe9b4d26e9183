"""From data sets and settings to checkpoints: the stages, the one loop, and checkpoints.

`stages` says what is trained on what, `loop` how.
"""
