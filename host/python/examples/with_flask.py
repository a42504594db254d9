"""An API behind Flask: JETON_URL, JETON_TOKEN (a refresh token with `jeton:live`; optional) and PORT say where."""
import os
from flask import Flask, request
from jeton_verifier import Verifier, wsgi

verifier = Verifier(os.environ["JETON_URL"], credential=os.environ.get("JETON_TOKEN"))
app = Flask(__name__)
app.wsgi_app = wsgi.Guard(app.wsgi_app, verifier, required_scopes=["orders:read"])

@app.get("/orders")
def orders():
    return {"subject": request.environ["jeton"].subject, "headers": {name.lower(): value for name, value in request.headers}}

app.run(port=int(os.environ["PORT"]), threaded=True)
