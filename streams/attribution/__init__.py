"""Data-driven attribution: Markov and Shapley over the paths of journeys, and how sure the figures are.

Pure: sums of journeys in, credits out. What is read and written is `sinks.attribution`'s; docs/attribution.md has
every formula with its source. A channel here is a value of the dimension asked for: a marketing channel, a channel or a
campaign.
"""
