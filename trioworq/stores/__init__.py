"""Durable state behind one interface (`interface.Store`); nothing above this folder sees SQL."""
