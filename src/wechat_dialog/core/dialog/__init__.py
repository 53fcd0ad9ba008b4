"""What an author writes with: the chat, questions, steps, menus, forms and routes.

The terms are explained in `docs/glossary.md`, "What an author writes".
"""
