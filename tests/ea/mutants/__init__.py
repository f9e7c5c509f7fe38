"""Named faults put into a copy of the EA's core: each must fail a test."""
