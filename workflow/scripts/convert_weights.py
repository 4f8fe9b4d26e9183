"""Convert weights of the reference implementation into ours, or ours into the reference's."""

from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from _cli import main
from fist.methods.skills import Prior
from fist.training.reference_weights import Unseen, export_reference, import_reference

NOTHING = Unseen()


def run(
    source: Path,
    out: Path,
    prior: Prior = "goal",
    unseen: Annotated[Unseen, arg(name="")] = NOTHING,
) -> None:
    """Convert weights of the reference implementation into ours, or ours into the reference's.

    Args:
        source: Checkpoint to read: weights_ep199.pth, exact_model.pt, or one of ours (with a JSON
            twin).
        out: Checkpoint to write: of ours for one of the reference, and the other way round.
        prior: Which prior of our skills becomes the reference's only one.
        unseen: What the reference's weights do not tell.
    """
    if source.with_suffix(".json").exists():
        export_reference(source, out, prior)
    else:
        import_reference(source, out, unseen)


if __name__ == "__main__":
    main(run)
