"""Draw a figure as the pipeline does."""

import json

import pandas as pd

from fist.analysis.figures.plot import plot


def draw(figure, folder, files, package="fist.analysis.figures", **table):
    """Draw a figure into a folder and return the CSV beside it.

    `files` are labelled, by the figure's needs; what else is given describes the table.
    """
    request, out = folder / "request.json", folder / f"{figure}.csv"
    labelled = {
        need: [(label, str(file)) for label, file in of.items()] for need, of in files.items()
    }
    request.write_text(json.dumps(labelled))
    plot(f"{package}.{figure}", request, out, json.dumps(table))
    return pd.read_csv(out)
