"""One HTML page that needs nothing but a browser: data in, file out."""
