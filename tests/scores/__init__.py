"""How good the catalogue is: faults caught, and false alarms."""
