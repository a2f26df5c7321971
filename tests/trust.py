"""Whom the tests' clients trust where nobody speaks TLS."""

import ssl

# Nobody: httpx2 would load the system's trust store for each client, and take longer than most tests.
NO_TRUST = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
