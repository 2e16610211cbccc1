"""What we need from outside, each with at least two implementations in adapters/ and one contract suite."""
