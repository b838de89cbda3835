"""Who runs what a cycle decides, behind the Protocol in base.py; one sibling so far, `local`."""
