"""Open data of others: downloaded, checked, matched to universities."""
