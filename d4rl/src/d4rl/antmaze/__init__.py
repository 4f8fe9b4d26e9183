"""The ant in a maze: model, environments, a walker, and data that it records."""
