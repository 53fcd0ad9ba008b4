"""Adapters of a bot for web servers and frameworks: WSGI, ASGI, Flask, Django, FastAPI.

They know no `Bot`, only the methods of `handling.Answers`.
"""
