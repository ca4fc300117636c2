"""The laboratory: policies of a session compared on simulated learners.

Not shipped. It plays the product's own engine (`domain.session`); only where a policy is not the
product's does a schedule choose the next question.
"""
