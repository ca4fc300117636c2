"""A session: its state, the rules of an answer, and the draw of the next question."""
