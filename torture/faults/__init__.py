"""Faults, one subject a module; `torture.catalogue` lists them."""
