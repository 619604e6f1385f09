"""How near the read signal is to the true one."""
