"""Faces of a bot for web servers and frameworks; they know no bot, only what `Answers` names."""
