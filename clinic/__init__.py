"""What a clinic needs around the core: settings, uploads, jobs, trends; without any widget."""
