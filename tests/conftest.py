"""For the whole suite: what is in the background ignores Ctrl-C, under nohup a hangup too; children inherit that."""

import signal

# A signal with a handler is back at its default in a child; one that is ignored stays ignored.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)
