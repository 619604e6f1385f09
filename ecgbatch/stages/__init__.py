"""Arrow table in, Arrow tables out: the steps of a conversion, without any cluster."""
