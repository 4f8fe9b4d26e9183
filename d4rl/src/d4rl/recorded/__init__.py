"""Recordings of the kitchen that others made, brought into D4RL's layout.

logs      the binary logs of MuJoCo's tele-operation (.mjl)
relay     the logs of relay policy learning, replayed in the kitchen
minari    the observations of Minari's kitchen data sets
"""
