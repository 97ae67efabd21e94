"""Freezeframe: checkpoint and restore containers as a team. The code map is in ARCHITECTURE.md."""
