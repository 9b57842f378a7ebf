"""Who waits for a place where there is none, and is offered what is freed."""
