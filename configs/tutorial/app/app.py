"""The greeter: a small web application that shows what Kubernetes gives it.

GET  /         who answers: greeting, version, pod
GET  /login    user and password, both out of the Secret
POST /upload   counts the bytes that it is sent
POST /burn     keeps a part of a CPU busy for so many ?seconds=
GET  /healthz  is the process well? (liveness, start-up)
GET  /readyz   may requests come?   (readiness)
"""

import hmac
import os
import socket
import threading
import time
from pathlib import Path

from flask import Flask, jsonify, request

app = Flask(__name__)

POD = socket.gethostname()  # a pod's host name is its name
STARTED = time.monotonic()
WARM_UP = float(os.environ.get("WARM_UP_SECONDS", "0"))

# Environment variables are read once: a change of the ConfigMap needs new pods.
GREETING = os.environ.get("GREETING", "Hello")
USER = os.environ.get("LOGIN_USER", "")
VERSION = os.environ.get("VERSION", "unknown")

# Files are read at every request: kubelet refreshes them within a minute or so.
MOTD = Path("/etc/greeter/config/motd.txt")
PASSWORD = Path("/etc/greeter/secret/password")

# Touch one of these in a pod to see what its probe does.
STUCK = Path("/tmp/stuck")
UNREADY = Path("/tmp/unready")
STUCK.unlink(missing_ok=True)  # a restart cures it, though /tmp outlives it


@app.get("/")
def greet():
    motd = MOTD.read_text().strip() if MOTD.exists() else ""
    return jsonify(greeting=GREETING, motd=motd, version=VERSION, pod=POD)


@app.get("/login")
def login():
    given = request.authorization
    password = PASSWORD.read_text().strip() if PASSWORD.exists() else ""
    known = (
        given is not None
        and password != ""
        # Takes the same time for every wrong password.
        and hmac.compare_digest((given.username or "").encode(), USER.encode())
        and hmac.compare_digest((given.password or "").encode(), password.encode())
    )
    if not known:
        return jsonify(error="who are you?"), 401, {"WWW-Authenticate": "Basic"}
    return jsonify(welcome=USER)


@app.post("/upload")
def upload():
    return jsonify(bytes=len(request.get_data()), pod=POD)


@app.post("/burn")
def burn():
    seconds = request.args.get("seconds", default=60.0, type=float)
    threading.Thread(target=keep_busy, args=(seconds,), daemon=True).start()
    return jsonify(burning=seconds, pod=POD), 202


def keep_busy(seconds):
    """Uses 15 % of a CPU: busy for 15 ms of every 100."""
    until = time.monotonic() + seconds
    while (now := time.monotonic()) < until:
        while time.monotonic() - now < 0.015:
            pass
        time.sleep(0.085)


@app.get("/healthz")
def healthy():
    warm = time.monotonic() - STARTED >= WARM_UP
    return state(warm and not STUCK.exists())


@app.get("/readyz")
def ready():
    return state(not UNREADY.exists())


def state(good):
    return ("ok\n", 200) if good else ("not now\n", 503)
