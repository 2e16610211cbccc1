"""Who is asking. Collections: none yet. Routes: none yet. On a laptop there is one implicit owner."""
