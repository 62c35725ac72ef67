"""Faults and load on purpose; each part is a program that answers with figures as JSON."""
