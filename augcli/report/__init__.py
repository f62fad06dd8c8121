"""What people look at after a run: its summary in words, and a contact sheet."""
