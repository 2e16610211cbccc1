"""The steps after planning: index and transfer, shard by shard, from facts and labels to documents; then finish."""
