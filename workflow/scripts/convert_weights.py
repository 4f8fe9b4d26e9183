"""Convert weights of the reference implementation into ours, or ours into the reference's."""

from dataclasses import dataclass
from pathlib import Path

from _cli import main
from fist.methods.skills import Prior
from fist.training.reference_weights import export_reference, import_reference


@dataclass(frozen=True)
class Arguments:
    source: Path
    """Checkpoint to read: weights_ep199.pth, exact_model.pt, or one of ours (with a JSON twin)."""
    out: Path
    """Checkpoint to write: of ours for one of the reference, and the other way round."""
    prior: Prior = "goal"
    """Which prior of our skills becomes the reference's only one."""


def run(args: Arguments) -> None:
    if args.source.with_suffix(".json").exists():
        export_reference(args.source, args.out, args.prior)
    else:
        import_reference(args.source, args.out)


if __name__ == "__main__":
    main(Arguments, run, __doc__)
