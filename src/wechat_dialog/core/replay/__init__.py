"""A dialog driven from its records; what changed code does to them; strict mode.

`run` is the place to start. Its words are in `docs/glossary.md`, "What is kept and replayed".
"""
