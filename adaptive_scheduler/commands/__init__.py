"""One verb a file: each takes plain values, prints through render or plain, and returns an exit code."""
