"""From atoms and labels to the graph that the potential sees, and back to forces and stress."""
