"""Tests of the pull side."""
