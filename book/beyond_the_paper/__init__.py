"""Beyond the paper: all global optima, their smallest size, width, hardness, and what certificates say of new data."""
