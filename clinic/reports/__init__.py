"""Reports on a patient for the file: what is said, how it is drawn, and how it is handed out."""
