"""Bytes to messages, replies to bytes.

Pure: no clock, no chance, no socket; time and random bytes are handed in.

`codec.Codec` is the door; `signature`, `crypto`, `xml`, `json` and `render` are its parts, which an
emulator of the platform uses from the other side.
"""
