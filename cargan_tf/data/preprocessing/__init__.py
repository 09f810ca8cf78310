"""From a source of pairs to TFRecord shards."""
