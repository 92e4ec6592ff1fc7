"""The one typed question: which runs, grouped how, sorted how."""
