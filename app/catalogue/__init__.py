"""What can be done: service items in their versions, the bodies behind them, and where they are served."""
