"""The dialogs of `demo_dialog.py` behind a web server of one's own, as in 2017.

    pip install flask
    WECHAT_TOKEN=… flask --app examples/flask_2017.py run --port 8000

The token is the one set in the account's console.
"""

import hashlib
import hmac
import os

import demo_dialog
from flask import Flask, abort, request

import wechat.bot

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 65536  # more is no message
app.register_error_handler(wechat.bot.Refused, lambda refused: ("", refused.status))


@app.route("/", methods=["GET", "POST"])
def door():
    sent = [request.args.get(name, "") for name in ("timestamp", "nonce")]
    digest = hashlib.sha1("".join(sorted([os.environ["WECHAT_TOKEN"], *sent])).encode()).hexdigest()
    if not hmac.compare_digest(digest.encode(), request.args.get("signature", "").encode()):
        abort(403)
    if request.method == "GET":
        return request.args.get("echostr", ""), {"Content-Type": "text/plain"}
    return wechat.bot.answer(request.get_data(), demo_dialog).format()
