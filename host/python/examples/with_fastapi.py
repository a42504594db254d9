"""An API behind FastAPI: JETON_URL, JETON_TOKEN (a refresh token with `jeton:live`; optional) and PORT say where."""
import os
import uvicorn
from fastapi import FastAPI, Request
from jeton_verifier import Verifier, asgi

verifier = Verifier(os.environ["JETON_URL"], credential=os.environ.get("JETON_TOKEN"))
app = FastAPI()
app.add_middleware(asgi.Guard, verifier=verifier, required_scopes=["orders:read"])

@app.get("/orders")
def orders(request: Request):
    return {"subject": request.state.jeton.subject, "headers": dict(request.headers)}

uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
