"""The tables computed again, by definition, from touchpoints and corrections: where they differ, something is wrong."""
