"""Test the cell in a folder that export_cell.py has written; nothing else is needed."""

from _cli import main
from fist.evaluation.export import evaluate_exported as run

if __name__ == "__main__":
    main(run)
