"""Put everything that a cell's test episodes need into one folder."""

from _cli import main
from _trial import with_trial
from fist.evaluation.export import export_policy
from fist.methods.base import Policy, class_named

command = with_trial(export_policy)

if __name__ == "__main__":
    main(command, base=Policy, named=class_named)
