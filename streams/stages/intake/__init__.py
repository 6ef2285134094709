"""INTAKE: every touchpoint that arrives is accepted, a duplicate, late, dead or rerouted; the accepted are measured and
sent to the customer they belong to."""

from streams.stages.intake.stage import Intake, IntakeRules

__all__ = ["Intake", "IntakeRules"]
