"""The machines' door: the queue's callback and the scheduler's maintenance call."""
