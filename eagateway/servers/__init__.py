"""The servers as we start them: Daphne with backpressure, uvicorn, the embedded lane, bounded bodies.

Each drains before it ends.
"""
