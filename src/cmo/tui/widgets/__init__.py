"""What screens are made of, one a file."""
