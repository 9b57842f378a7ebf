"""掌厅: the domains of the hall, and the processes that serve them."""
