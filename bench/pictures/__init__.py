"""Pictures made for measuring: of digits and of what is none."""
