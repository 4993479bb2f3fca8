"""The load engine; `import locust` patches the process, so only what Locust loads does it."""
