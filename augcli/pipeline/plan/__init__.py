"""Which outputs there are, who meets whom, and what is committed together; opens no file."""
