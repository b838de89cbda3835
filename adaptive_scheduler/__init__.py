"""Adaptive scheduling of real scripts: one cycle per call, at the tempo the machine can bear."""

__version__ = "0.1.0"
