"""The course: the assignment of the lab."""
