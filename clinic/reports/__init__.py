"""Reports on a patient for the file: content, drawing, and download."""
