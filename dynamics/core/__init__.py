"""What every other room uses: errors, status, results, storage and random numbers."""
