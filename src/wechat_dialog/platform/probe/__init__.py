"""The conformance checklist, checked against any server from outside."""
