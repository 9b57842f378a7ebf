"""What every domain stands on; it knows nothing of halls, cases or fees."""
