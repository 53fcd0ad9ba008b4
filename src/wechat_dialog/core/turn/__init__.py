"""One message's transaction, as a generator of operations.

Read it from the top; which module stands on which is `FLOORS` in `tests/architecture.py`.

- `transaction` is the whole turn: the `fast_path` or a claim, then a turn that was `cut_off`
  before, then the message. `job` has the claim, `committing` writes. `operator` has an operator's
  turns.
- `dispatch` decides what the message means: `events`, `answering`, `beginning`, `ending`.
- `stack` decides what follows for the user's other conversations; `conversation` drives the dialog
  of one, with `step_records` and `parking`, and returns one of `results`.
- `work` is the message being handled, on a `document`; `draft` is its answer, `held` and `shelf`
  are the parts of earlier answers, `push` sends them.
- `operations` is all that a turn can ask for. `running_turn` and `listening` are about the requests
  that wait for a turn.
"""
