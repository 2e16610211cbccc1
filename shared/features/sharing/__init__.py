"""Who may see what. The access of a thing is embedded in its document, so permission is part of the query."""
