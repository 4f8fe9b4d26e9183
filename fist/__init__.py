"""FIST: few-shot imitation with skills learnt from unlabelled play.

Read the modules in this order: `data` (episodes and windows), `distance` (where am I in the
demonstrations?), `skills` (the goal-conditioned skill VAE), `train` (the one training loop),
`retrieval` and `policy` (semi-parametric control), `rollout` (evaluation), `table` (results).
"""
