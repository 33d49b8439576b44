"""Certificates made by the openssl command, for servers that tests start."""

import os
import ssl
import subprocess

import faketime


class Authority:
    """A certificate authority of one test, in its folder."""

    def __init__(self, folder):
        self.folder = folder
        self.file = os.path.join(folder, "ca.pem")
        self.key = os.path.join(folder, "ca.key")
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
                     "-subj", "/CN=jeton test authority", "-keyout", self.key, "-out", self.file)
        os.chmod(self.file, 0o600)

    @staticmethod
    def openssl(*args, starts_in=0):
        then = {"LD_PRELOAD": faketime.library(), "FAKETIME": f"+{starts_in}d"} if starts_in else {}
        return subprocess.run(["openssl", *args], check=True, capture_output=True, env={**os.environ, **then})

    def server(self, name, subject="IP:127.0.0.1", days=30, starts_in=0):
        """An SSLContext whose certificate is for `subject`, good for `days` from a day on that is `starts_in`
        days away; `days` -1: expired yesterday."""
        key, request, certificate, extensions = (os.path.join(self.folder, name + end)
                                                 for end in (".key", ".csr", ".pem", ".ext"))
        self.openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                     "-subj", "/CN=" + name, "-keyout", key, "-out", request)
        with open(extensions, "w", encoding="utf-8") as file:
            file.write(f"subjectAltName={subject}\n")
        self.openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.key, "-CAcreateserial",
                     "-days", str(days), "-extfile", extensions, "-out", certificate, starts_in=starts_in)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context
