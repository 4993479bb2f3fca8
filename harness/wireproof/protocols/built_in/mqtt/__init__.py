"""MQTT 3.1.1 and 5: what packets look like, what a broker owes, what is drawn, and the protocol."""
