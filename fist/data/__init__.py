"""Episodes, and the windows that models are trained on; where data sets come from.

`episodes` (on disk and in memory), `windows`, `split` (what is held out), `sources/`.
"""
