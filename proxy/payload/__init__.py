"""What a request bound for a vendor carries, cleaned of IP addresses: queries, forms, JSON and other bodies."""
