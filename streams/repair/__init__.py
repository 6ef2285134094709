"""Repairing: what could not be taken or came too late is read again; what was folded by old rules is folded anew,
beside what serves, and put in its place."""
