"""Write the files that the user gets, and read a report back."""
