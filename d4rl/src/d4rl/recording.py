"""What every recorder of episodes checks."""


def check_request(episodes: int, seed: int, workers: int) -> None:
    """Raise ValueError, naming the value, where a recording cannot be made of these numbers."""
    for name, value, least in (("episodes", episodes, 1), ("workers", workers, 1)):
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")
    if seed < 0:
        raise ValueError(f"seed must be 0 or more, got {seed}")
