"""Beyond the paper: all global optima, their smallest size, width, hardness, and what a certificate says of new data."""
