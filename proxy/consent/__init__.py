"""A visitor's choice: the cookie that keeps it, the form that gives it, and the pages that ask for it."""
