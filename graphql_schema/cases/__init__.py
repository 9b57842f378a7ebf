"""Cases: what residents asked for, and the staff's desk."""
