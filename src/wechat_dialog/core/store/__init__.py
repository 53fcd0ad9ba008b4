"""The store contract: its values, its protocol, and its rules as functions on one entry.

`contract` is the place to start; the stores themselves are in `wechat_dialog.stores`.
"""
