"""A dialog driven from its records; what changed code does to them; strict mode.

Read it in this order; the terms are explained in `docs/glossary.md`, "What is kept and replayed".

- `run` drives a dialog from record to record, with `driver`; `runs` is where one is made.
- `records` are the journal, with `recorded_messages` and `outcomes`; `header` is the rest that is
  kept of a user.
- `standing` is the place in a dialog that is compared with a record; `rewording` and `traded_calls`
  are differences that do not count. `verdict` says what changed code would do with a conversation.
- `strict` is strict mode: `set_order`, `unawaited`, `left_behind` and `foreign` find what a replay
  alone does not show.
- `redacted_records`, `redacted_run` and `withheld` replay a journal without what its user wrote.
"""
