"""From checkpoints to episodes: rollouts, their results, traces, films, exported policies.

Environments are reached through the Gymnasium interface alone.
"""
