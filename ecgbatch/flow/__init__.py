"""Where stages run, and how their rows reach the tables; the one place that knows Ray."""
