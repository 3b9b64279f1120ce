// What is configured in the browser, the edge obeys: each rule is set as a developer sets it, then a call is made.
import type { Page } from "@playwright/test";

import { stack } from "../stack/stack.ts";
import type { Dashboard, Proxy } from "./dashboard.ts";
import { mintToken } from "./emulator.ts";
import { expect } from "./fixtures.ts";
import { signedIn } from "./workshop.ts";

interface Furnished {
  appPath: string;
  proxy: Proxy;
}

/** An app of its own, so that no rule of one test holds in another. */
async function furnish(dashboard: Dashboard, name: string): Promise<Furnished> {
  const appPath = await dashboard.createApp(`${name} ${Date.now()}`);
  await dashboard.linkEmulator(appPath);
  const proxy = await dashboard.createProxy(appPath, { name, provider: "OpenAI", baseUrl: `${stack().emulatorUrl}/openai` });
  await expect.poll(async () => (await answer(proxy, { token: await mintToken("first") })).status).toBe(200);
  return { appPath, proxy };
}

interface Call {
  token: string;
  body?: object;
}

interface Answer {
  status: number;
  /** `error.code` of a refusal. */
  code?: string;
  text: string;
  model?: string;
}

async function answer(proxy: Proxy, { token, body = {} }: Call): Promise<Answer> {
  const response = await fetch(`${proxy.edgeUrl}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "gpt-4o-mini", max_tokens: 50, messages: [{ role: "user", content: "one two three four five six seven eight" }], ...body }),
  });
  const json = (await response.json()) as { model?: string; error?: { code?: string }; choices?: { message: { content: string } }[] };
  return { status: response.status, code: json.error?.code, text: json.choices?.[0]?.message.content ?? "", model: json.model };
}

/** The edge follows the dashboard within a second or so. */
async function edgeSays(proxy: Proxy, code: string | undefined, call: Partial<Call> = {}): Promise<void> {
  const made = async (): Promise<Call> => ({ token: await mintToken("user-1"), ...call });
  await expect.poll(async () => (await answer(proxy, await made())).code, { timeout: 15_000 }).toBe(code);
}

function row(page: Page, text: string | RegExp) {
  return page.getByRole("listitem").filter({ hasText: text });
}

signedIn("a limit and a budget hold, and end when they are removed", async ({ dashboard, page }) => {
  const { appPath, proxy } = await furnish(dashboard, "Limits");
  await dashboard.limit(`${proxy.path}/limits`, 2);
  await edgeSays(proxy, "rate_limited");
  await row(page, "2 requests an hour").getByText("Remove", { exact: true }).click();
  await dashboard.press("Remove it", row(page, "2 requests an hour"));
  await expect(page.getByRole("heading", { name: "2 requests an hour" })).toBeHidden();
  await edgeSays(proxy, undefined);

  await dashboard.open(`${appPath}/limits`);
  await page.getByLabel("What").selectOption("US dollars");
  await page.getByLabel("At most").fill("0.000001");
  await page.getByLabel("In", { exact: true }).selectOption("a day");
  await page.getByLabel("For whom").selectOption("for everyone together");
  await dashboard.press("Add limit");
  await expect(page.getByRole("heading", { name: "$0.000001 a day" })).toBeVisible();
  await edgeSays(proxy, "budget_spent");
  // Of a kind that is there: its amount changes.
  await page.getByLabel("What").selectOption("US dollars");
  await page.getByLabel("At most").fill("5");
  await page.getByLabel("In", { exact: true }).selectOption("a day");
  await page.getByLabel("For whom").selectOption("for everyone together");
  await dashboard.press("Add limit");
  await expect(page.getByRole("heading", { name: "$5.00 a day" })).toBeVisible();
  await expect(page.getByRole("heading", { name: "$0.000001 a day" })).toBeHidden();
  await edgeSays(proxy, undefined);
});

signedIn("the app's time zone is kept", async ({ dashboard, page, workshop }) => {
  await dashboard.open(`${workshop.appPath}/limits`);
  await page.getByLabel("Time zone").fill("Europe/Berlin");
  await dashboard.press("Save");
  await dashboard.arrivesAt(/saved=yes/);
  await expect(page.getByText("Saved.")).toBeVisible();
  await expect(page.getByLabel("Time zone")).toHaveValue("Europe/Berlin");
});

signedIn("a plan is made and renamed, its limits hold, and the default plan stays", async ({ dashboard, page }) => {
  const { appPath, proxy } = await furnish(dashboard, "Plans");
  await dashboard.open(`${appPath}/plans`);
  await page.getByLabel("Name", { exact: true }).fill("Paid");
  await dashboard.press("Create plan");
  await dashboard.arrivesAt(/\/plans\/[0-9a-f-]{36}$/);
  await page.getByLabel("Name", { exact: true }).fill("Gold");
  await dashboard.press("Rename");
  await expect(page.getByRole("heading", { level: 1, name: "Gold" })).toBeVisible();
  await page.getByText("Delete this plan").click();
  await dashboard.press("Delete for good");
  await dashboard.arrivesAt(/\/plans$/);
  await expect(row(page, "Gold")).toHaveCount(0);
  await page.getByRole("link", { name: "Default" }).click();
  await dashboard.arrivesAt(/\/plans\/[0-9a-f-]{36}$/);
  await expect(page.getByText("Delete this plan")).toHaveCount(0);
  await dashboard.limit(new URL(page.url()).pathname, 2);
  await edgeSays(proxy, "rate_limited", { token: await mintToken("user-2") });
});

signedIn("an address is denied, and an allow rule locks out all others", async ({ dashboard, page }) => {
  const { appPath, proxy } = await furnish(dashboard, "Addresses");
  await dashboard.open(`${appPath}/addresses`);
  await expect(page.getByText("No address rules")).toBeVisible();
  await page.getByLabel("Address or network").fill("127.0.0.0/8");
  await page.getByLabel("Note").fill("This machine");
  await dashboard.press("Add rule");
  await expect(row(page, "This machine")).toBeVisible();
  await edgeSays(proxy, "address_not_allowed");
  await row(page, "This machine").getByText("Remove", { exact: true }).click();
  await dashboard.press("Remove it");
  await expect(page.getByText("No address rules")).toBeVisible();
  await edgeSays(proxy, undefined);
  await dashboard.open(`${proxy.path}/addresses`);
  await page.getByLabel("Do", { exact: true }).selectOption("Allow, and nobody else");
  await page.getByLabel("Address or network").fill("203.0.113.7");
  await page.getByLabel("How long").selectOption("For an hour");
  await dashboard.press("Add rule");
  await expect(page.getByText("Only the addresses that are allowed below can call.")).toBeVisible();
  await edgeSays(proxy, "address_not_allowed");
});

signedIn("a user is found, blocked, let in again, and signed out", async ({ dashboard, page }) => {
  const { appPath, proxy } = await furnish(dashboard, "Users");
  const token = await mintToken("mallory");
  expect((await answer(proxy, { token })).status).toBe(200);
  await expect(async () => {
    await dashboard.open(`${appPath}/users?sub=mall`);
    await expect(row(page, "mallory")).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 20_000 });
  await row(page, "mallory").getByText("Block", { exact: true }).click();
  await dashboard.press("Block this user");
  await expect(row(page, "mallory").getByText("Blocked", { exact: true })).toBeVisible();
  await edgeSays(proxy, "user_blocked", { token });
  await dashboard.press("Unblock");
  await expect(row(page, "mallory").getByText("Blocked", { exact: true })).toBeHidden();
  await edgeSays(proxy, undefined, { token });
  await row(page, "mallory").getByText("Revoke tokens", { exact: true }).click();
  await dashboard.press("Revoke them");
  await expect(row(page, "mallory")).toContainText("are refused");
  await edgeSays(proxy, "token_revoked", { token });
  await expect.poll(async () => (await answer(proxy, { token: await mintToken("mallory") })).status).toBe(200);
  await page.getByLabel("User id", { exact: true }).fill("never-seen");
  await dashboard.press("Block");
  await expect(page.getByLabel("User id", { exact: true })).toHaveValue("");
  await edgeSays(proxy, "user_blocked", { token: await mintToken("never-seen") });
});

signedIn("only the allowed models are called, by their aliases too, and answers are clamped", async ({ dashboard, page }) => {
  const { proxy } = await furnish(dashboard, "Models");
  await dashboard.open(`${proxy.path}/bodies`);
  await page.getByRole("link", { name: "Add a rule" }).click();
  await dashboard.arrivesAt(/\/bodies\/rule$/);
  await page.getByLabel("Allowed models").fill("gpt-4o-mini\nfast = gpt-4o-mini");
  await page.getByLabel("Output tokens").fill("3");
  await dashboard.press("Save rule");
  await dashboard.arrivesAt(/\/bodies$/);
  await expect(row(page, "Every endpoint").first()).toContainText("At most 3 output tokens");
  await edgeSays(proxy, "model_not_allowed", { body: { model: "gpt-4o" } });
  const called = await answer(proxy, { token: await mintToken("user-1"), body: { model: "fast" } });
  expect(called).toMatchObject({ status: 200, model: "gpt-4o-mini" });
  expect(called.text.split(/\s+/)).toHaveLength(3);
  await page.getByRole("link", { name: "Change" }).click();
  await dashboard.arrivesAt(/\/bodies\/rule\?endpoint=$/);
  await expect(page.getByLabel("Output tokens")).toHaveValue("3");
  await expect(page.getByLabel("Your system prompt")).toBeHidden();
  await page.getByLabel("System prompt", { exact: true }).selectOption({ value: "forbidden" });
  await dashboard.press("Save rule");
  await dashboard.arrivesAt(/\/bodies$/);
  await edgeSays(proxy, "system_prompt_not_allowed", { body: { messages: [{ role: "system", content: "Be rude." }, { role: "user", content: "Hi" }] } });
});

signedIn("App Check is observed, then enforced", async ({ dashboard, page }) => {
  const { appPath, proxy } = await furnish(dashboard, "App Check");
  const set = async (mode: string): Promise<void> => {
    await dashboard.open(`${appPath}/app-check`);
    await page.getByLabel("App Check", { exact: true }).selectOption({ value: mode });
    await page.getByLabel("Project number").fill("123456789012");
    await dashboard.press("Save");
    await dashboard.arrivesAt(/saved=yes/);
  };
  await set("observe");
  await expect(async () => {
    expect((await answer(proxy, { token: await mintToken("user-1") })).status).toBe(200);
    await dashboard.open(`${appPath}/app-check`);
    await expect(page.getByRole("row", { name: /24 hours 0 0 [1-9]\d* 0%/ })).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 20_000 });
  await set("enforce");
  await edgeSays(proxy, "app_check_missing");
});

signedIn("keys are added and weighed, and users may be made to bring their own", async ({ dashboard, page }) => {
  const { proxy } = await furnish(dashboard, "Keys");
  const { providerKey, password } = stack().canaries;
  await dashboard.open(`${proxy.path}/keys`);
  await page.getByLabel("API key", { exact: true }).fill(providerKey);
  await page.getByLabel("Label (optional)", { exact: true }).fill("Second quota");
  await page.getByLabel("Your password").fill(password);
  await dashboard.press("Add key");
  const second = row(page, "Second quota");
  await expect(second).toContainText("Weight 1");
  await expect(page.getByLabel("API key", { exact: true })).toHaveValue("");
  await expect(page.getByLabel("Your password")).toHaveValue("");
  await second.getByText("Change", { exact: true }).click();
  await second.getByLabel("Weight").fill("0");
  await dashboard.press("Save", second);
  await expect(second).toContainText("Not used");
  await second.getByText("Remove", { exact: true }).click();
  await dashboard.press("Remove it", second);
  await expect(second).toHaveCount(0);
  await page.getByLabel("May users bring a key of their own?").selectOption({ value: "required" });
  await page.locator("form").filter({ has: page.getByLabel("May users bring a key of their own?") }).getByRole("button", { name: "Save" }).click();
  await edgeSays(proxy, "byok_required");
});

signedIn("a price of one's own counts", async ({ dashboard, page }) => {
  const { appPath, proxy } = await furnish(dashboard, "Prices");
  await dashboard.open(`${appPath}/prices`);
  await page.getByLabel("Model", { exact: true }).fill("house-model");
  await page.getByLabel("A million input tokens").fill("1");
  await page.getByLabel("A million output tokens").fill("2");
  await page.getByLabel("Each request").fill("7");
  await dashboard.press("Add price");
  await expect(page.getByRole("heading", { name: "OpenAI: house-model" })).toBeVisible();
  await expect(async () => {
    expect((await answer(proxy, { token: await mintToken("user-1"), body: { model: "house-model" } })).status).toBe(200);
    await dashboard.open(`${proxy.path}/usage`);
    await expect(page.getByText(/^\$\d*7\.00$|^\$\d{2,}\.\d\d$/).first()).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 20_000 });
  await dashboard.open(`${appPath}/prices`);
  await page.getByText("Remove", { exact: true }).click();
  await dashboard.press("Remove it");
  await expect(page.getByRole("heading", { name: "OpenAI: house-model" })).toBeHidden();
});

signedIn("times and headers of one's own are kept", async ({ dashboard, page }) => {
  const { proxy } = await furnish(dashboard, "Connection");
  await dashboard.open(`${proxy.path}/settings`);
  await page.getByLabel("To the first byte").fill("30");
  await page.getByLabel("Headers of yours").fill("OpenAI-Organization: org-house");
  await dashboard.press("Save connection");
  await dashboard.arrivesAt(/saved=yes/);
  await dashboard.open(`${proxy.path}/settings`);
  await expect(page.getByLabel("To the first byte")).toHaveValue("30");
  await expect(page.getByLabel("Headers of yours")).toHaveValue(/^openai-organization: org-house/);
});

signedIn("a page that was opened before another save does not undo it", async ({ dashboard, page, context, watch }) => {
  watch.expectRefusals(422);
  const { proxy } = await furnish(dashboard, "Two pages");
  await dashboard.open(`${proxy.path}/settings`);
  const other = await context.newPage();
  await other.goto(`${proxy.path}/settings`);
  await other.locator("html[data-alive]").waitFor({ state: "attached" });
  await other.getByLabel("Allowed endpoints").fill("POST /v1/chat/completions");
  await other.getByRole("button", { name: "Save settings" }).click();
  await expect(other).toHaveURL(/saved=yes/);
  await page.getByLabel("Name", { exact: true }).fill("Late");
  await dashboard.press("Save settings");
  await expect(page.getByText(/was changed in the meantime/)).toBeVisible();
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("Late");
  await dashboard.open(`${proxy.path}/settings`);
  await expect(page.getByLabel("Allowed endpoints")).toHaveValue(/^POST \/v1\/chat\/completions\s*$/);
});
