// The emulator seen from a test: it mints users' tokens, and tells what reached the fake providers.
import { appendFileSync } from "node:fs";

import { TOKENS, stack } from "../stack/stack.ts";

export async function mintToken(sub: string): Promise<string> {
  const answer = await fetch(`${stack().emulatorUrl}/token?sub=${encodeURIComponent(sub)}`);
  if (!answer.ok) throw new Error(`the emulator minted no token: ${answer.status}`);
  return remember(await answer.text());
}

/** A token with chosen faults; see docs/emulator.md. */
export async function mintWith(request: object): Promise<string> {
  const answer = await fetch(`${stack().emulatorUrl}/token`, { method: "POST", body: JSON.stringify(request) });
  if (!answer.ok) throw new Error(`the emulator minted no token: ${answer.status} ${await answer.text()}`);
  return remember(((await answer.json()) as { token: string }).token);
}

export async function seenByProvider(): Promise<number> {
  const answer = await fetch(`${stack().emulatorUrl}/_seen`);
  return ((await answer.json()) as { total: number }).total;
}

/** For the search for leaks. */
function remember(token: string): string {
  appendFileSync(TOKENS, `${token}\n`);
  return token;
}
