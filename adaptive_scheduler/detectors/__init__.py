"""The family of detectors: each looks at one signal and says how far beyond its usual the present is."""
