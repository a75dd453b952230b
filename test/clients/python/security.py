"""How a driver is to connect, as security.ts describes it."""

import json
import os
import pathlib
import ssl

_given = os.environ.get("OTTLA_CLIENT_SECURITY")

# What the environment says; None without protection.
GIVEN = None if _given is None else json.loads(_given)


def token_of(security):
    return pathlib.Path(security["token"]).read_text()


def tls_of(security):
    """A context that trusts the authority alone, and shows the certificate where there is one."""
    context = ssl.create_default_context(cafile=security["ca"])
    if "cert" in security:
        context.load_cert_chain(security["cert"], security["key"])
    return context


def python_settings(security, token_provider):
    """For kafka-python and aiokafka, which name most of it alike."""
    if security is None:
        return {}
    settings = {"security_protocol": security["protocol"], "ssl_context": tls_of(security)}
    if "mechanism" in security:
        settings["sasl_mechanism"] = security["mechanism"]
    if "user" in security:
        settings["sasl_plain_username"] = security["user"]
        settings["sasl_plain_password"] = security["password"]
    if "token" in security:
        settings["sasl_oauth_token_provider"] = token_provider(token_of(security))
    return settings
