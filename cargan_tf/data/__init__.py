"""Sources, pairs, TFRecord shards and the batches made from them."""
