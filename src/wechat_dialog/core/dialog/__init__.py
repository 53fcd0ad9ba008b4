"""What an author writes with: the chat, questions, steps, menus, forms and routes.

Read it in this order; the terms are explained in `docs/glossary.md`, "What an author writes".

- `chat` makes the `effects` that a dialog waits for. What a dialog can read is in `chat_state`,
  `chat_steps` and `chat_times` are the rest of it.
- `questions` wait for the user, `reading` turns a message into the value that was asked for. `menu`
  (with `options`), `confirm` and `form` (with `form_fields`, `form_values`, `form_summary`) are
  questions, too. `secret_answers` are never stored.
- `steps` run once; `step_parts` are what a long one is divided into.
- `background` waits have no question: `timers`, `signals`, and `races` of several. `rivals` are
  what may end a question's wait besides an answer. `requests` are carried out with the commit.
- `routes` say which messages a dialog takes, `router` finds the dialog (`registered`) of a message.
  `registration` has the decorators, `fitting` checks a dialog's parameters.
- `texts` are what the library itself says, `user_data` is `chat.data`, `review` is what a reviewer
  is shown.
"""
