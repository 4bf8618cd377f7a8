"""The Cohort review panel."""
