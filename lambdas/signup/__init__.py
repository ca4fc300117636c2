"""The trigger of the user pool that makes a learner of who has signed up."""
