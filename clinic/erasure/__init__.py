"""How data goes: deletion, withdrawal of consent, retention."""
