"""Statistics of learners, questions and categories, updated answer by answer."""
