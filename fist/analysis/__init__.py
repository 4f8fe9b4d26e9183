"""From the rows of every episode to tables, claims and figures.

Intervals are made in `intervals`; everything else lays out what they say.
"""
