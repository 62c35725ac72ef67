"""A long steady load: does the worker's memory grow, does anything fail?"""
