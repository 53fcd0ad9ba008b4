"""The answer page: what a turn writes on it, how it is found, and what a reader sees.

A turn writes `pieces` under an id that every process can make (`address`); a store keeps them and
reads none of it. Whoever opens the link gets a `document`, in which each piece is HTML (`markup`),
and then what is new of it. `door` answers their requests. Nothing here performs anything.
"""
