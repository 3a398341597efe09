"""The REST API: one module for each resource, and the list of all their operations."""
