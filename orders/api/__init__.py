"""The REST door to what is traded: a terminal's own commands and reports."""
