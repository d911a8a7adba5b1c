"""Posts bodies to one URL over kept-alive connections. Knows HTTP, and nothing of Inngest."""
