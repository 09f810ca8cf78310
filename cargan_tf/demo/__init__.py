"""A page in the browser to play with a trained model."""

#: Where it is; Gradio's own.
PORT = 7860
