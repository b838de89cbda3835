"""Where pip finds packages here, for a pip that is started in another environment."""

import os


def pip_settings() -> dict[str, str]:
    """Return the variables of this environment that pip and its connections go by."""
    wanted = ("PIP_", "REQUESTS_", "SSL_CERT", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
    return {name: value for name, value in os.environ.items() if name.upper().startswith(wanted)}
