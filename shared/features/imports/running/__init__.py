"""Who does what, and when: claimers are dispatched, keep leases, take turns and run the steps; jobs end, rests go."""
