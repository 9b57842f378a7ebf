"""The providers' word on a day of ours: taken, compared line by line, signed off, handed over (对账、划解)."""
