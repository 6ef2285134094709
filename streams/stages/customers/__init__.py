"""CUSTOMERS: keeps each customer's history and writes sessions and journeys, whole rows, whenever one changes."""

from streams.stages.customers.stage import Customers

__all__ = ["Customers"]
