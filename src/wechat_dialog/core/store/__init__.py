"""The store contract: its values, its protocol, and its rules as functions on one entry.

`contract` has the methods of a store. What they take and return is in `values`, `times` (time and
the mailbox), `kept`, `pages` and `parts`. What they mean is in `rules`, on an `entry`, with
`waking` and `page_rules`; `checks` refuses what makes no sense. `try_write` is for health checks.
The stores are in `wechat_dialog.stores`.
"""
