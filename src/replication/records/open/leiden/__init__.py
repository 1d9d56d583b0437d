"""The CWTS Leiden Ranking in windows of four years: two editions, and all fields and periods."""
