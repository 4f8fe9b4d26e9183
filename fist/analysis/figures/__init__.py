"""Figures: every module here with NEEDS is one, drawn from the CSV that is written beside it.

`plot` says what such a module holds; `style` is the look of all, `scored` and `maps` are what some
share.
"""
