"""The engine: what a workflow is, and how it runs. Knows no torch, no page, no model."""
