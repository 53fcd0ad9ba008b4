"""What an author writes with: the chat, questions, steps, menus, forms and routes.

Its words are in `docs/glossary.md`, "What an author writes".
"""
