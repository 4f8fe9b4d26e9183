"""Put everything that a cell's test episodes need into one folder."""

from _trial import main, with_trial
from fist.evaluation.export import export_policy

command = with_trial(export_policy)

if __name__ == "__main__":
    main(command)
