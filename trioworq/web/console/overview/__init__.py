"""Every queue at a glance."""
