"""From what the processes of a load counted to what the result file says."""
