"""The active side: what a bot asks of the platform (protocol reference 7)."""
