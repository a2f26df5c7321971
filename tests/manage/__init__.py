"""Tests of what looks after jobs."""
