"""Files of any shape to touchpoints, as a TOML file says: which column is what.

a file -> formats (CSV, NDJSON, Parquet) -> tables of text -> cells -> fields -> encoding -> messages, or rejects

A table is some thousand rows. Everything is worked out a column at a time, distinct values once, so that a row costs
some 10 us (tests/bench/mapping.py). A wrong row is told with its line, its column and what was expected, and the rest
goes on.
"""
