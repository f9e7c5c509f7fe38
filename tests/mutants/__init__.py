"""Mutation testing of orders/domain: `make mutants`. How it works, and what its last run said: docs/testing.md."""
