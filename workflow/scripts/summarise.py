"""Make the table of results, as CSV and as Markdown, and print the Markdown."""

from _cli import main
from fist.analysis.tables import summarise as run

if __name__ == "__main__":
    print(main(run))
