"""Claims as measurements, the report that tells of them, and the command line."""
