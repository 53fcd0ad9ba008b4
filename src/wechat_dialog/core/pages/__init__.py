"""The answer page: what a turn writes on it, how it is addressed, and what a reader sees.

A turn writes `pieces` under an id that every process can compute (`address`); a store keeps them as
opaque bytes. A reader who opens the link gets a `document`, in which each piece is HTML (`markup`),
and then what has been added. `door` answers these requests. Nothing here performs I/O.
"""
