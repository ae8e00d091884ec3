"""What the daemon is measured beside, one module each."""
