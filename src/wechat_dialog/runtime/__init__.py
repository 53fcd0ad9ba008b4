"""Performs a turn's operations: threads, event loops, the heartbeat, live dialogs.

Read it in this order:

- `runner` is the object of a bot: it begins a turn for a request, or lets the request join one.
- `requests` decides what is done for a request, `drive` what is done around each operation of a
  turn, as generators that perform nothing; what they ask for is in `wanted`.
- `performing` has the loops that perform it: by `threads` (with `thread_pool`) or by `loops`.
  `steps` runs steps, for both (`attempt`, `ended`).
- `running_turns`, `live_dialogs`, `holders`, `retries` and `untaken_replies` are what a process
  knows of its users' turns.
- `heartbeat` and `watch` are the threads of a process that supervise long turns (`ticker`).
- `outside` puts together what happens without a message: `accounts` says whose users they are,
  `sweeping` (with `sweeper`) finds what is due, `firings` runs the turns.
- `step_parts` performs parts of steps, `page_door` answers readers of answer pages, `pusher`
  pushes parts; `garbage` keeps collections short; `readiness` is for health checks.
"""
