"""Alerts for readers: the rules in force, what an alert is, its words, and where it is read. What makes them is
``dashboard.alerts``."""
