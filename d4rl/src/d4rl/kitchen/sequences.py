"""The four-task sequences that play data are made of, and the names of their files."""

from collections.abc import Sequence

from .elements import canonical_sequence

PLAY_SEQUENCES: tuple[tuple[str, ...], ...] = tuple(
    canonical_sequence(line.split())
    for line in """
    kettle bottom_burner slide_cabinet hinge_cabinet
    kettle bottom_burner light_switch slide_cabinet
    kettle bottom_burner light_switch hinge_cabinet
    kettle light_switch slide_cabinet hinge_cabinet
    kettle top_burner bottom_burner slide_cabinet
    kettle top_burner bottom_burner hinge_cabinet
    kettle top_burner bottom_burner light_switch
    kettle top_burner light_switch slide_cabinet
    microwave bottom_burner slide_cabinet hinge_cabinet
    microwave bottom_burner light_switch slide_cabinet
    microwave kettle bottom_burner hinge_cabinet
    microwave kettle bottom_burner slide_cabinet
    microwave kettle slide_cabinet hinge_cabinet
    microwave kettle light_switch slide_cabinet
    microwave kettle light_switch hinge_cabinet
    microwave kettle top_burner hinge_cabinet
    microwave kettle top_burner light_switch
    microwave light_switch slide_cabinet hinge_cabinet
    microwave top_burner bottom_burner hinge_cabinet
    microwave top_burner bottom_burner slide_cabinet
    microwave top_burner bottom_burner light_switch
    microwave top_burner light_switch hinge_cabinet
    top_burner bottom_burner light_switch slide_cabinet
    top_burner bottom_burner slide_cabinet hinge_cabinet
    """.strip().splitlines()
)
"""The 24 sequences people performed in the relay-policy-learning logs.

A folder there is named after its elements; where both cabinets occur the slide cabinet is done
first, because an open hinge door stands in the way of the slide cabinet's handle.
"""


def sequence_name(sequence: Sequence[str]) -> str:
    """Return the file name (no suffix) of a sequence: its canonical names joined by '-'."""
    return "-".join(canonical_sequence(sequence))
