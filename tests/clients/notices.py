"""Who is told notices: a receiver of webhooks, which checks them with the standard's own library, and a server of mail.

It prints a line of JSON for each message that comes: what was asked, what was answered, and whether it was right.
"""

import json
import os
import ssl
import sys
import threading
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from standardwebhooks import Webhook, WebhookVerificationError

secret = Webhook(os.environ["SECRET"])
# The first so many are answered 500.
failures = [int(os.environ.get("FAILURES", "0"))]
login = os.environ.get("LOGIN")
encryption = os.environ.get("ENCRYPTION", "none")
lock = threading.Lock()


def tell(what, **members):
    with lock:
        print(json.dumps({"what": what, **members}), flush=True)


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            secret.verify(body, dict(self.headers.items()))
            right = True
        except WebhookVerificationError:
            right = False
        with lock:
            status = 500 if failures[0] > 0 else 204
            failures[0] -= 1
        self.send_response(status)
        self.end_headers()
        tell("webhook", id=self.headers["webhook-id"], status=status, right=right, path=self.path, body=json.loads(body))

    def log_message(self, *_):
        pass


class Mailbox:
    async def handle_DATA(self, _server, session, envelope):
        message = message_from_bytes(envelope.content, policy=policy.default)
        tell(
            "mail",
            sender=envelope.mail_from,
            to=envelope.rcpt_tos,
            subject=message["subject"],
            id=message["message-id"],
            type=message.get_content_type(),
            text=message.get_content(),
            # Where it speaks TLS from the first byte on, there is no other way to come here.
            encrypted=encryption == "tls" or session.ssl is not None,
            login=session.auth_data and session.auth_data.decode(),
        )
        return "250 taken"


def authenticate(_server, _session, _envelope, _mechanism, data):
    shown = f"{data.login.decode()}:{data.password.decode()}"
    return AuthResult(success=shown == login, auth_data=shown.encode() if shown == login else None)


options = {}
if login:
    options = {"authenticator": authenticate, "auth_required": True, "auth_require_tls": encryption == "starttls"}
if encryption != "none":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.environ["CERTIFICATE"], os.environ["KEY"])
    if encryption == "tls":
        options["ssl_context"] = context
    else:
        options |= {"tls_context": context, "require_starttls": True}

server = Controller(Mailbox(), hostname="127.0.0.1", port=int(os.environ["MAIL_PORT"]), **options)
server.start()
receiver = ThreadingHTTPServer(("127.0.0.1", int(os.environ["WEBHOOK_PORT"])), Receiver)
threading.Thread(target=receiver.serve_forever, daemon=True).start()
tell("ready")
# Until whoever started it goes.
sys.stdin.read()
