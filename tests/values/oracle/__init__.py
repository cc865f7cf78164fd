"""Tables of cases, one module per group; each row states a graph and the TensorFlow call that gives its numbers."""
