"""`Predictions` as other libraries' objects, each only where that library is installed."""
