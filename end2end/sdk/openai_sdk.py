"""The official `openai` PyPI package: one user's everyday work, and two users who must not meet."""

import hashlib
import json
import os
import secrets
import sys
import traceback
import urllib.request

from openai import AuthenticationError, NotFoundError, OpenAI, RateLimitError

BASE_URL = os.environ["KEYWARD_BASE_URL"]
TOKEN = os.environ["KEYWARD_TOKEN"]
THROUGH_EDGE = os.environ.get("KEYWARD_THROUGH_EDGE") == "1"
WITNESS_URL = os.environ.get("KEYWARD_WITNESS_URL")
QUESTION = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Say hello to the world"}]}

passed = 0


def check(name, body):
    """Runs one named check; the first that fails ends the program."""
    global passed
    try:
        value = body()
    except Exception:
        traceback.print_exc()
        print(f"not ok - {name}", file=sys.stderr)
        sys.exit(1)
    passed += 1
    print(f"ok {passed} - {name}")
    return value


def seen_by_provider():
    if not WITNESS_URL:
        return 0
    with urllib.request.urlopen(WITNESS_URL) as answer:
        return json.load(answer)["total"]


def denied(name, error_class, status, call):
    """The call is refused with exactly this SDK error, and the provider never hears of it."""

    def body():
        before = seen_by_provider()
        try:
            call()
        except error_class as error:
            assert error.status_code == status, error
            assert TOKEN not in str(error), "the error repeats the token"
            assert seen_by_provider() == before, "the provider was called"
            return error
        raise AssertionError("was not refused")

    return check(name, body)


def chats(client):
    def answers():
        completion = client.chat.completions.create(**QUESTION)
        assert completion.choices[0].message.content
        assert completion.usage.total_tokens > 0
        return completion.choices[0].message.content

    answer = check("chat answers with text and usage", answers)

    def streams():
        chunks = list(client.chat.completions.create(**QUESTION, stream=True))
        assert len(chunks) > 2
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == answer

    check("a streamed chat arrives in several events that make the same text", streams)

    def embeds():
        data = client.embeddings.create(model="text-embedding-3-small", input=["one", "two"]).data
        assert len(data) == 2 and len(data[0].embedding) == len(data[1].embedding) > 1

    check("embeddings come back one for each input, all of one length", embeds)

    def lists_models():
        assert "gpt-4o-mini" in [model.id for model in client.models.list()]

    check("models are listed", lists_models)


def files(client):
    contents = secrets.token_bytes(200_000)
    file = check("a file is uploaded", lambda: client.files.create(file=("noise.bin", contents), purpose="user_data"))

    def lists_and_downloads():
        assert file.id in [item.id for item in client.files.list()]
        downloaded = client.files.content(file.id).read()
        assert hashlib.sha256(downloaded).digest() == hashlib.sha256(contents).digest()

    check("the file is listed and downloads byte for byte", lists_and_downloads)

    def deletes():
        assert client.files.delete(file.id).deleted
        assert file.id not in [item.id for item in client.files.list()]

    check("the file is deleted and gone from the list", deletes)


def threads(client):
    def runs():
        threads = client.beta.threads
        thread = threads.create()
        message = threads.messages.create(thread.id, role="user", content="Hello")
        assert [item.id for item in threads.messages.list(thread.id)] == [message.id]
        run = threads.runs.create_and_poll(thread_id=thread.id, assistant_id="asst_demo", poll_interval_ms=20)
        assert run.status == "completed"
        assert list(threads.runs.steps.list(run_id=run.id, thread_id=thread.id))
        assert threads.delete(thread.id).deleted

    check("a thread takes messages and a run, and is deleted", runs)


def isolation(alice, bob):
    file = check("alice uploads a file", lambda: alice.files.create(file=("a.txt", b"hers"), purpose="user_data"))
    thread = check("alice makes a thread", alice.beta.threads.create)
    message = check(
        "alice adds a message", lambda: alice.beta.threads.messages.create(thread.id, role="user", content="Mine")
    )
    his = bob.beta.threads
    foreign = {
        "read the file": lambda: bob.files.retrieve(file.id),
        "download the file": lambda: bob.files.content(file.id),
        "delete the file": lambda: bob.files.delete(file.id),
        "read the thread": lambda: his.retrieve(thread.id),
        "change the thread": lambda: his.update(thread.id, metadata={"owner": "bob"}),
        "delete the thread": lambda: his.delete(thread.id),
        "list the messages": lambda: his.messages.list(thread.id),
        "read a message": lambda: his.messages.retrieve(message.id, thread_id=thread.id),
        "add a message": lambda: his.messages.create(thread.id, role="user", content="From bob"),
        "start a run": lambda: his.runs.create(thread.id, assistant_id="asst_demo"),
    }
    for deed, call in foreign.items():
        denied(f"bob can't {deed}", NotFoundError, 404, call)

    def only_his_own():
        assert file.id not in [item.id for item in bob.files.list()]
        assert alice.files.content(file.id).read() == b"hers"

    check("bob's list of files has none of hers, and hers is unchanged", only_his_own)


def limit(client, requests):
    for n in range(1, requests + 1):
        check(f"request {n} of {requests} passes", client.models.list)
    refusal = denied("the next one raises RateLimitError", RateLimitError, 429, client.models.list)

    def says_when():
        assert int(refusal.response.headers["retry-after"]) > 0

    check("the refusal says when to come back", says_when)


def main():
    alice = OpenAI(base_url=BASE_URL, api_key=TOKEN, max_retries=0)
    if "KEYWARD_LIMIT" in os.environ:
        limit(alice, int(os.environ["KEYWARD_LIMIT"]))
    else:
        chats(alice)
        files(alice)
        threads(alice)
        if THROUGH_EDGE:
            isolation(alice, OpenAI(base_url=BASE_URL, api_key=os.environ["KEYWARD_TOKEN_OTHER"], max_retries=0))
        stranger = OpenAI(base_url=BASE_URL, api_key="not-a-token", max_retries=0)
        denied(
            "a bad token raises AuthenticationError",
            AuthenticationError,
            401,
            lambda: stranger.chat.completions.create(**QUESTION),
        )
    print(f"{passed} passed, 0 failed")


main()
