"""For the whole suite: a shell lets what it starts in the background ignore Ctrl-C, and children inherit that."""

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A signal with a handler is back at its default in a child; one that is ignored stays ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
