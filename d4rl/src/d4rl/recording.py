"""What every recorder of episodes checks."""


def check_request(episodes: int, seed: int, workers: int) -> None:
    """Raise ValueError, naming the value, where a recording cannot be made of these numbers."""
    for name, value, least in ("episodes", episodes, 1), ("workers", workers, 1), ("seed", seed, 0):
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")
