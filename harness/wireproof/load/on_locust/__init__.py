"""Where load meets Locust: only these rooms import it, and importing it patches the process."""
