"""Networks that look at pictures: for FID, KID and IS, and for judging what is shown."""
