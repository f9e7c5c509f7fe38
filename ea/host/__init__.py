"""Builds and runs MQL programs without MetaTrader: translator, shim, simulator."""
