"""The machine: replay, turns and the stores' contract, without I/O, clock, thread or driver.

Its six packages: `wire` (bytes and messages), `store` (what a store promises), `dialog` (what an
author writes with), `pages` (long or late answers as web pages), `replay` (a dialog driven from its
records), `turn` (one message's transaction). Beside them stands what all of them share: the log,
secrets, whose an error is, whether a client has hung up. What the words mean is in
`docs/glossary.md`.
"""
