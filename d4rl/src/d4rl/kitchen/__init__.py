"""The Franka kitchen: elements, simulated model and environment."""
