"""What missed and late-cancelled visits mean, who is exempt, and how one appeals."""
