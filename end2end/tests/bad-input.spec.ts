// Each form field's bad input is answered next to the field, in words that say what to do; what was typed stays,
// and nothing is written.
import type { Page } from "@playwright/test";

import { stack } from "../stack/stack.ts";
import type { Dashboard } from "./dashboard.ts";
import { expect } from "./fixtures.ts";
import { signedIn, test, type Workshop } from "./workshop.ts";

interface Case {
  /** Label of the field, and what is typed into it. */
  field: string;
  typed: string;
  reason: RegExp;
  /** What the other fields of the form hold; `PASSWORD`, `KEY` and `EMULATOR` stand for this run's. */
  others?: Record<string, string>;
  button: string;
}

const LONG = "x".repeat(81);
const ADDRESS = "someone@example.com";

function thisRun(text: string): string {
  const { canaries, emulatorUrl } = stack();
  return text.replace("PASSWORD", canaries.password).replace("KEY", canaries.providerKey).replace("EMULATOR", emulatorUrl);
}

async function isRefused(dashboard: Dashboard, path: string, { field, typed, reason, others = {}, button }: Case): Promise<void> {
  const { page } = dashboard;
  await dashboard.open(path);
  const filled = { [field]: typed, ...others };
  for (const [label, text] of Object.entries(filled)) await fill(page, label, thisRun(text));
  await dashboard.press(button);
  await dashboard.complainsAt(field, reason);
  for (const [label, text] of Object.entries(filled)) {
    await expect(page.getByLabel(label, { exact: true }), `${label} keeps what was typed`).toHaveValue(thisRun(text));
  }
  expect(page.url()).toBe(new URL(path, stack().dashboardUrl).href);
}

async function fill(page: Page, label: string, text: string): Promise<void> {
  const field = page.getByLabel(label, { exact: true });
  if ((await field.evaluate((element) => element.tagName)) === "SELECT") await field.selectOption(text);
  else await field.fill(text);
}

const signUp = { path: "/sign-up", button: "Sign up" };
const signIn = { path: "/sign-in", button: "Sign in" };
const forgotten = { path: "/forgot-password", button: "Send the link" };
const publicCases: Record<string, Case & { path: string }> = {
  "sign-up: an address without a host": {
    ...signUp, field: "E-mail address", typed: "ada@localhost", others: { Password: "PASSWORD" }, reason: /look like you@example\.com/,
  },
  "sign-up: a short password": {
    ...signUp, field: "Password", typed: "short", others: { "E-mail address": ADDRESS }, reason: /at least 8 characters/,
  },
  "sign-up: a password that everybody tries": {
    ...signUp, field: "Password", typed: "password123", others: { "E-mail address": ADDRESS }, reason: /attackers try first/,
  },
  "sign-up: a password of 129 characters": {
    ...signUp, field: "Password", typed: "aB3-".repeat(33), others: { "E-mail address": ADDRESS }, reason: /at most 128 characters/,
  },
  "sign-in: an address without a host": {
    ...signIn, field: "E-mail address", typed: "ada@localhost", others: { Password: "PASSWORD" }, reason: /look like you@example\.com/,
  },
  "forgotten password: an address without a host": {
    ...forgotten, field: "E-mail address", typed: "ada@localhost", reason: /look like you@example\.com/,
  },
};
for (const [name, { path, ...refused }] of Object.entries(publicCases)) {
  test(`${name} is explained at the field`, async ({ dashboard, watch }) => {
    watch.expectRefusals(422);
    await isRefused(dashboard, path, refused);
  });
}

test("sign-in: unknown address and wrong password get the same answer", async ({ dashboard, workshop, watch }) => {
  watch.expectRefusals(422, 429);
  const { page } = dashboard;
  const answers: string[] = [];
  for (const address of ["nobody-at-all@example.com", workshop.address]) {
    await dashboard.open("/sign-in");
    await page.getByLabel("E-mail address").fill(address);
    await page.getByLabel("Password").fill("not the password");
    await dashboard.press("Sign in");
    const said = page.getByRole("alert").getByText(/./).or(page.locator(".field-error"));
    await expect(said).toHaveCount(1);
    answers.push(await said.innerText());
  }
  expect(answers[0]).toBe(answers[1]);
});

for (const [name, path, button] of [
  ["a confirmation link", "/verify?token=not-a-token", "Confirm my address"],
  ["a password link", "/reset-password?token=not-a-token", "Change my password"],
]) {
  test(`${name} that is none is refused, with a way on`, async ({ dashboard, watch }) => {
    watch.expectRefusals(422, 404);
    const { page } = dashboard;
    await dashboard.open(path);
    if (path.startsWith("/reset")) await page.getByLabel("New password").fill(stack().canaries.newPassword);
    await dashboard.press(button);
    await expect(page.getByRole("alert").getByText(/link/).first()).toBeVisible();
  });
}

const issuer = (kind: string) => ({ path: ({ appPath }: Workshop) => `${appPath}/issuers/new?kind=${kind}`, button: "Link it" });
const proxy = (provider: string) => ({
  path: ({ appPath }: Workshop) => `${appPath}/proxies/new?provider=${provider}`,
  button: "Add proxy",
});
const settings = { path: ({ openai }: Workshop) => `${openai.path}/settings`, button: "Save settings" };
const limits = { path: ({ openai }: Workshop) => `${openai.path}/limits`, button: "Add limit" };
const keys = { path: ({ openai }: Workshop) => `${openai.path}/keys`, button: "Add key" };
const app = (page: string, button: string) => ({ path: ({ appPath }: Workshop) => `${appPath}/${page}`, button });
const apps = { path: () => "/apps", button: "Create app" };
const account = { path: () => "/account" };
const memberCases: Record<string, Case & { path: (workshop: Workshop) => string }> = {
  "a new app: a blank name": { ...apps, field: "Name", typed: "   ", reason: /enter a name/ },
  "a new app: a name of 81 characters": { ...apps, field: "Name", typed: LONG, reason: /at most 80 characters/ },
  "an app: a blank name": { path: ({ appPath }) => appPath, button: "Rename", field: "Name", typed: " ", reason: /enter a name/ },
  "the account: a blank name": { ...account, button: "Save name", field: "Name", typed: " ", reason: /enter a name/ },
  "the account: a wrong present password": {
    ...account, button: "Change password", field: "Current password", typed: "not the password",
    others: { "New password": "a fine new password" }, reason: /password/,
  },
  "the account: a short new password": {
    ...account, button: "Change password", field: "New password", typed: "short",
    others: { "Current password": "PASSWORD" }, reason: /at least 8 characters/,
  },
  "Firebase: a project name instead of its id": { ...issuer("firebase"), field: "Project id", typed: "My App", reason: /project id has/ },
  "Supabase: half a reference": { ...issuer("supabase"), field: "Project reference or URL", typed: "abc", reason: /reference/ },
  "Supabase's secret: too short": {
    ...issuer("supabase-secret"), field: "JWT secret", typed: "short",
    others: { "Project reference or URL": "abcdefghijklmnopqrst" }, reason: /32 to 512 characters/,
  },
  "OpenID Connect: a host instead of an address": {
    ...issuer("oidc"), field: "Issuer", typed: "login.example.com", others: { Audience: "my-app" }, reason: /https address/,
  },
  "OpenID Connect: an issuer that does not answer": {
    ...issuer("oidc"), field: "Issuer", typed: "http://127.0.0.1:9", others: { Audience: "my-app" }, reason: /./,
  },
  "OpenID Connect: an address in a private network": {
    ...issuer("oidc"), field: "Issuer", typed: "https://169.254.169.254", others: { Audience: "my-app" }, reason: /./,
  },
  "OpenID Connect: an audience with blanks": {
    ...issuer("oidc"), field: "Audience", typed: "my app", others: { Issuer: "EMULATOR" }, reason: /audience/,
  },
  "a new proxy: a blank name": { ...proxy("openai"), field: "Name", typed: " ", others: { "API key": "KEY" }, reason: /enter a name/ },
  "a new proxy: a blank key": { ...proxy("openai"), field: "API key", typed: "  ", reason: /key/ },
  "a new proxy: a key with a blank inside": { ...proxy("openai"), field: "API key", typed: "sk-two words", reason: /key/ },
  "a new proxy: a base URL that is no web address": {
    ...proxy("custom"), field: "Base URL", typed: "ftp://api.example.com", others: { Name: "Weather", "API key": "KEY" }, reason: /https:/,
  },
  "a new proxy: a base URL in a private network": {
    ...proxy("custom"), field: "Base URL", typed: "https://10.0.0.1", others: { Name: "Weather", "API key": "KEY" }, reason: /./,
  },
  "a new proxy: a header name with a blank": {
    ...proxy("custom"), field: "How the API wants its key", typed: "header", reason: /header's name/,
    others: { Name: "Weather", "Base URL": "https://api.example.com", "Header or parameter name (optional)": "x key", "API key": "KEY" },
  },
  "settings: a new base URL without the key": {
    ...settings, field: "New API key (optional)", typed: "", others: { "Base URL": "https://api.openai.com" }, reason: /key/,
  },
  "settings: a base URL with a query": { ...settings, field: "Base URL", typed: "https://api.openai.com?a=b", reason: /must not contain \?/ },
  "settings: a wildcard for a whole top-level domain": {
    ...settings, field: "Web origins (optional)", typed: "https://*.com", reason: /wildcard stands for the subdomains/,
  },
  "settings: an endpoint of an unknown method": {
    ...settings, field: "Allowed endpoints (optional)", typed: "FETCH /v1/models", reason: /FETCH/,
  },
  "settings: an endpoint with a query in its path": {
    ...settings, field: "Allowed endpoints (optional)", typed: "GET /v1/models?x=1", reason: /models/,
  },
  "limits: a limit of nothing": { ...limits, field: "At most", typed: "0", reason: /switch the proxy off instead/ },
  "limits: half a request": { ...limits, field: "At most", typed: "1.5", reason: /whole number/ },
  "limits: tokens at once": {
    ...limits, field: "In", typed: "at_once", others: { What: "total_tokens", "At most": "1000" }, reason: /only requests/,
  },
  "limits: a model with a blank": {
    ...limits, field: "Only for the model (optional)", typed: "gpt 4", others: { "At most": "10" }, reason: /without blanks/,
  },
  "plans: a blank name": { ...app("plans", "Create plan"), field: "Name", typed: " ", reason: /enter a name/ },
  "rules: a price of blanks": {
    ...app("plans/rule?kind=stripe", "Add rule"), field: "Price or product", typed: " ", reason: /visible characters/,
  },
  "rules: a year of grace": {
    ...app("plans/rule?kind=stripe", "Add rule"), field: "Days of grace (optional)", typed: "365",
    others: { "Price or product": "price_1" }, reason: /at most 90 days/,
  },
  "rules: a claim that users can edit": {
    ...app("plans/rule?kind=claim", "Add rule"), field: "Claim", typed: "user_metadata.plan", others: { Is: "pro" }, reason: /users can edit/,
  },
  "Stripe: a key that is meant to be public": {
    ...app("purchases/stripe", "Connect Stripe"), field: "Restricted key", typed: "pk_test_0123456789", reason: /begins with rk_/,
  },
  "Stripe: a live key for the test mode": {
    ...app("purchases/stripe", "Connect Stripe"), field: "Restricted key", typed: "rk_live_0123456789", reason: /mode/,
  },
  "Stripe: a secret that is none": {
    ...app("purchases/stripe", "Connect Stripe"), field: "Signing secret (optional)", typed: "secret",
    others: { "Restricted key": "rk_test_0123456789" }, reason: /whsec_/,
  },
  "addresses: a host instead of an address": {
    ...app("addresses", "Add rule"), field: "Address or network", typed: "example.com", reason: /enter an address or a network/,
  },
  "prices: a price in words": {
    ...app("prices", "Add price"), field: "A million input tokens", typed: "cheap",
    others: { Model: "my-model", "A million output tokens": "1" }, reason: /enter US dollars/,
  },
  "App Check: a project's id instead of its number": {
    ...app("app-check", "Save"), field: "Project number (optional)", typed: "my-app-1a2b3", reason: /digits only/,
  },
  "users: a blank id": { ...app("users", "Block"), field: "User id", typed: "  ", reason: /enter the user’s id/ },
  "keys: a key without the password's confirmation": {
    ...keys, field: "Your password", typed: "not the password", others: { "API key": "KEY" }, reason: /password/,
  },
};
for (const [name, { path, ...refused }] of Object.entries(memberCases)) {
  signedIn(`${name} is explained at the field`, async ({ dashboard, workshop, watch }) => {
    watch.expectRefusals(422);
    await isRefused(dashboard, path(workshop), refused);
  });
}

signedIn("a token that is none fails its first check, with the reason", async ({ dashboard, workshop }) => {
  await dashboard.open(workshop.appPath);
  await dashboard.page.getByLabel("Token (JWT)").fill("not-a-token");
  await dashboard.press("Check the token");
  await expect(dashboard.page.getByText("This token would be refused.")).toBeVisible();
  await expect(dashboard.page.getByRole("listitem").filter({ hasText: "Failed: " })).not.toHaveCount(0);
});

signedIn("empty required fields are stopped by the browser itself", async ({ dashboard, workshop }) => {
  await dashboard.open(`${workshop.appPath}/proxies/new?provider=openai`);
  await dashboard.press("Add proxy");
  const key = dashboard.page.getByLabel("API key");
  await expect(key).toBeFocused();
  expect(await key.evaluate((field: HTMLInputElement) => field.validity.valueMissing)).toBe(true);
});

signedIn("after all that, nothing was half-written", async ({ dashboard, workshop }) => {
  await dashboard.open(workshop.appPath);
  const proxies = dashboard.page.locator("section").filter({ has: dashboard.page.getByRole("heading", { name: "Proxies", exact: true }) });
  await expect(proxies.getByRole("listitem")).toHaveCount(4);
  await expect(dashboard.page.getByRole("button", { name: "Check again" })).toHaveCount(1);
  await dashboard.open(`${workshop.openai.path}/settings`);
  await expect(dashboard.page.getByLabel("Base URL")).toHaveValue(`${stack().emulatorUrl}/openai`);
});
