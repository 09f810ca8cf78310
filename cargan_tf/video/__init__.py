"""Moving pictures of a whole recording."""
