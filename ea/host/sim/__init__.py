"""A terminal and its broker, simulated: what a program is told, true or not."""
