"""The engine: replay, turns and the stores' contract, without I/O, clock, threads or a driver.

Its six packages: `wire` (bytes and messages), `store` (what a store promises), `dialog` (the API
that a dialog is written with), `pages` (long or late answers as web pages), `replay` (runs a dialog
from its records), `turn` (the transaction of one message). Beside them are modules that all of them
use: the log, secrets, whether an exception is the author's bug, whether a client has disconnected.
The terms are defined in `docs/glossary.md`.
"""
