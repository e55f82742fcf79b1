"""What a patient agreed to, and the notice that they are given."""
