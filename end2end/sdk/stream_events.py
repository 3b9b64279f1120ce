"""As stream-events.mjs, with the official `openai` PyPI package."""

import json
import sys

from openai import OpenAI

QUESTION = [{"role": "user", "content": "Say hello to the world"}]


def stream(job):
    client = OpenAI(base_url=job["base"] + "/v1", api_key=job["key"], max_retries=0)
    if job["call"] == "responses":
        return client.responses.create(model="gpt-4o-mini", input="Say hello to the world", stream=True)
    return client.chat.completions.create(model="gpt-4o-mini", messages=QUESTION, stream=True)


for line in sys.stdin:
    events, error = [], None
    try:
        for event in stream(json.loads(line)):
            events.append(event.to_dict())
    except Exception as caught:
        error = f"{type(caught).__name__}: {caught}"
    print(json.dumps({"events": events, "error": error}), flush=True)
