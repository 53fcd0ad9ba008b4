"""Whole conversations on WeChat Official Accounts, each written as one function and replayed from its journal."""
