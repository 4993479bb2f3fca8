"""AMQP 0-9-1: what frames and methods look like, what is drawn, what a broker owes."""
