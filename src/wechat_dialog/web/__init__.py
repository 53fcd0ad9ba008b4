"""Adapters of a bot for web servers and frameworks: WSGI, ASGI, Flask, Django, FastAPI.

They do not import `Bot`: a bot is anything with the methods of `handling.Answers`.
"""
