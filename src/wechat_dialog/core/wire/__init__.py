"""Bytes to messages, replies to bytes.

Pure: no clock, no randomness, no socket; the time and random bytes are passed in.

`codec.Codec` is the entry point; `signature`, `crypto`, `xml`, `json` and `render` are its parts,
which an emulator of the platform uses from the other side.
"""
