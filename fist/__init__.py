"""FIST: few-shot imitation with skills learnt from unlabelled play.

Rooms, each of which knows only those above it:

    stage        what every stage does: whole files, resuming, stopping, progress
    data         episodes, windows, splits, and where data sets come from
    methods      the paper and its rivals: what is learnt, and how one acts with it
    training     from data sets and settings to checkpoints
    evaluation   from checkpoints to test episodes, traces and films
    analysis     from the rows of every episode to tables, claims and figures
    inspect      what is in a data set or a checkpoint
"""
