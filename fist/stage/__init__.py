"""What every stage of the pipeline does: whole files, resuming, stopping, progress.

Nothing here knows a model, a data set or an environment.
"""
