"""The release minute: who gathers before it is drawn by lot and called at a steady rate."""
