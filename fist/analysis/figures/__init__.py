"""Figures: each is drawn from one CSV, which is written beside it."""
