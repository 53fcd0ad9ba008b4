"""The conformance checklist, tried against any server."""
