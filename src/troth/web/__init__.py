"""The page people open every morning, and the JSON API, over one open book. Needs the extra `serve`."""
