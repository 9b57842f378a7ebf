"""The guide: service items, fees, materials, departments and service points."""
