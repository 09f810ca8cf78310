"""Drawing with a model on a server: the client, and the two ways there."""
