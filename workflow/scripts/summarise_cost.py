"""Add up what the stages have cost: time, memory and waiting; print the table."""

from _cli import main
from fist.analysis.stage_costs import summarise_cost as run

if __name__ == "__main__":
    print(main(run), end="")
