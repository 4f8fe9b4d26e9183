"""Choose demonstrations, and put flaws into some of them."""

from _cli import main
from fist.data.choice import choose_demos as run

if __name__ == "__main__":
    main(run, description=__doc__)
