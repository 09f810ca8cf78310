"""`cargan serve`: TensorFlow Serving's REST and gRPC calls, for trying a model out."""
