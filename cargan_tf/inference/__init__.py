"""From sound files to images and videos with a trained model."""
