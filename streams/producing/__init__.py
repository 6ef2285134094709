"""Producing: touchpoints from files into their channels' topics, each line accounted for.

files -> lines -> readers -> rows -> produce (check, encode, key) -> outlet (Kafka, or nowhere in a dry run) -> counts
files -> tables -> mapping (check, encode, key) ----------------------^
"""
