"""IDENTITY: keeps who is one customer, link by link, and tells whatever changes."""

from streams.stages.identity.stage import Identity, IdentityRules

__all__ = ["Identity", "IdentityRules"]
