"""oddloop: which scenes to label or drive next, why, and whether the advice was right."""

__version__ = "0.1.0"
