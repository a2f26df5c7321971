"""What TLS clients are shown: the certificate, its key, and the protocols to choose from."""

import ssl

from trioworq.config import Config, ConfigError


def make_context(config: Config) -> ssl.SSLContext | None:
    """Return what the listening sockets go by; None when they are to speak in the clear.

    Raises ConfigError for files that are missing, cannot be read, or do not belong together.
    """
    if not config.tls_certificate and not config.tls_key:
        return None
    if not config.tls_certificate or not config.tls_key:
        missing = "tls_key" if config.tls_certificate else "tls_certificate"
        raise ConfigError(f"{missing}: TLS needs a certificate and its key; set both or neither")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # RFC 9113, §9.2.1: HTTP/2 allows neither.
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols(["h2", "http/1.1"])
    for name, path in (("tls_certificate", config.tls_certificate), ("tls_key", config.tls_key)):
        _check_readable(name, path)
    try:
        context.load_cert_chain(config.tls_certificate, config.tls_key, password=_refuse_password)
    except ssl.SSLError as error:
        raise ConfigError(_explain(config, error)) from None
    except OSError as error:
        # They were there a moment ago: somebody is just replacing them.
        raise ConfigError(f"tls_certificate, tls_key: cannot be read: {error.strerror}") from None
    return context


def _check_readable(name: str, path: str) -> None:
    try:
        with open(path, "rb"):
            pass
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"{name}: cannot read {path}: {reason}; name a PEM file") from None


def _refuse_password() -> str:
    # Without this the library would ask for it on the terminal.
    raise ConfigError("tls_key: the key is locked with a password; give one that is not")


def _explain(config: Config, error: ssl.SSLError) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"tls_key: {config.tls_key} is not the key of {config.tls_certificate}"
    return (
        f"tls_certificate, tls_key: {config.tls_certificate} should hold a certificate and {config.tls_key} "
        "its key, in PEM form"
    )
