"""The process that the library runs in, and shares with others: its clock, its forks, its signal handlers."""
