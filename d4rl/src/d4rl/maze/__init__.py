"""The point in a maze: layouts, law of motion, environments, way-point controller and data."""
