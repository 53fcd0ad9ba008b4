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
- `outside` has the turns that no message began: `firing_turn` and `firing` do what is due, `waking`
  says when, `mail` is the mailbox. `aside` and `beside` are the conversations that wait without a
  question; `asking` and `reaching` bring what they ask and say to their user.
- `step_parts` (with `given_parts`) are the parts of a step, `outcomes_in_hand` its unrecorded
  outcome; `page` is the answer page of a message, `reviewing` the reviewer; `settings`, `limits`
  and `window` are what the bot has set.
"""
