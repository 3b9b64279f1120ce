"""What the official `openai` PyPI package makes of every rejection of the edge. `KEYWARD_REJECTIONS` names the file of
them that crates/domain/examples/rejections.rs writes."""

import json
import os
import sys
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import openai

with open(os.environ["KEYWARD_REJECTIONS"], encoding="utf-8") as file:
    REJECTIONS = json.load(file)
COMPLETION = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}],
}
ERRORS = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    409: openai.ConflictError,
    429: openai.RateLimitError,
}

passed = 0
rejection = {}
calls = []


class Edge(BaseHTTPRequestHandler):
    """Answers the first call with the rejection, as the edge does, and all others as the provider would."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        calls.append(time.monotonic())
        is_refused = len(calls) == 1
        body = json.dumps(rejection["bodies"]["openai"] if is_refused else COMPLETION).encode()
        self.send_response(rejection["status"] if is_refused else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.send_header("x-request-id", "req-1")
        if is_refused and rejection["retry_after_secs"]:
            self.send_header("retry-after", str(rejection["retry_after_secs"]))
        if is_refused and rejection["is_final"]:
            self.send_header("x-should-retry", "false")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def check(name, body):
    """Runs one named check; the first that fails ends the program."""
    global passed
    try:
        body()
    except Exception:
        traceback.print_exc()
        print(f"not ok - {name}", file=sys.stderr)
        sys.exit(1)
    passed += 1
    print(f"ok {passed} - {name}")


def is_repeated():
    return not rejection["is_final"] and (rejection["status"] in (408, 409, 429) or rejection["status"] >= 500)


def ask(max_retries):
    calls.clear()
    client = openai.OpenAI(base_url=BASE_URL, api_key="t", max_retries=max_retries)
    return client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])


def raises_its_own_error():
    status = rejection["status"]
    expected = ERRORS.get(status, openai.InternalServerError if status >= 500 else openai.APIStatusError)
    try:
        ask(0)
    except openai.APIStatusError as error:
        assert isinstance(error, expected), type(error)
        assert error.status_code == status, error
        assert error.code == rejection["code"], error.code
        assert error.request_id == "req-1", error.request_id
        assert error.body["doc_url"] == f"https://keyward.dev/docs/errors#{rejection['code']}", error.body
        return
    raise AssertionError("was not refused")


def tries_again_where_it_may_help():
    try:
        ask(1)
        assert is_repeated()
    except openai.APIStatusError:
        assert not is_repeated()
    assert len(calls) == (2 if is_repeated() else 1), calls
    if is_repeated() and rejection["retry_after_secs"]:
        waited = calls[1] - calls[0]
        assert waited > 0.9 * rejection["retry_after_secs"], f"came back after {waited} s"


server = ThreadingHTTPServer(("127.0.0.1", 0), Edge)
threading.Thread(target=server.serve_forever, daemon=True).start()
BASE_URL = f"http://127.0.0.1:{server.server_port}"
for rejection in REJECTIONS:
    check(f"raises its own error for {rejection['code']} ({rejection['status']})", raises_its_own_error)
    check(f"tries again where it may help: {rejection['code']}", tries_again_where_it_may_help)
server.shutdown()
print(f"{passed} passed, 0 failed")
