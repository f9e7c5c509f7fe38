"""The Expert Advisor: MQL sources, and the host on which they are built and tried without a terminal."""
