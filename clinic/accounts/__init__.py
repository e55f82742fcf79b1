"""Who may sign in, and how: accounts, passwords, second factor, sessions, identity provider."""
