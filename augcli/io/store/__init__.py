"""Every byte that is read or written goes through here."""
