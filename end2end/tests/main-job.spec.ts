// What Keyward is for, in one go, as a newcomer does it.
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Page } from "@playwright/test";

import { RESULTS, stack } from "../stack/stack.ts";
import { newAddress } from "./dashboard.ts";
import { mintToken } from "./emulator.ts";
import { expect } from "./fixtures.ts";
import { test } from "./workshop.ts";

const EXPECTED_TEXT = /"delta":\{[^}]*"content":/;

test("from sign-up to a streamed, metered call", async ({ page, context, dashboard }) => {
  test.setTimeout(120_000);
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const address = newAddress();

  await test.step("sign up and confirm the address", async () => {
    await dashboard.open("/");
    await page.getByRole("main").getByRole("link", { name: "Sign up" }).click();
    await dashboard.arrivesAt(/\/sign-up$/);
    await dashboard.becomeMember(address);
    await expect(page.getByText("No apps yet")).toBeVisible();
    await expect(page.getByRole("navigation", { name: "Main" })).toContainText(address);
  });

  const appPath = await test.step("create an app", async () => dashboard.createApp("Pocket tutor"));
  await expect(page.getByText("0 of 4 done")).toBeVisible();
  await test.step("link the identity provider", async () => dashboard.linkEmulator(appPath));
  await expect(page.getByText("1 of 4 done")).toBeVisible();

  const proxy = await test.step("create a proxy", async () =>
    dashboard.createProxy(appPath, { name: "Tutor chat", provider: "OpenAI", baseUrl: `${stack().emulatorUrl}/openai` }),
  );
  await expect(page.getByText(`key …${stack().canaries.providerKey.slice(-4)}`)).toBeVisible();

  await test.step("check a user's token", async () => {
    await dashboard.open(appPath);
    await page.getByLabel("Token (JWT)").fill(await mintToken("pupil-1"));
    await dashboard.press("Check the token");
    await expect(page.getByText("This token would be let through.")).toBeVisible();
    await dashboard.open(proxy.path);
  });

  await test.step("send a test request", async () => {
    await expect(async () => {
      await dashboard.press("Send a test request");
      await expect(page.getByText("Status 200")).toBeVisible({ timeout: 3_000 });
    }).toPass({ timeout: 20_000 });
    await expect(page.getByRole("region", { name: "Answer" })).toContainText("gpt-4o-mini");
  });

  await test.step("copy the curl snippet and run it: a streamed completion", async () => {
    const snippet = await copied(page, "curl");
    expect(snippet).toContain(proxy.edgeUrl);
    const output = execFileSync("bash", ["-euc", snippet], {
      encoding: "utf8",
      env: { PATH: process.env.PATH, USER_TOKEN: await mintToken("pupil-1") },
      stdio: ["ignore", "pipe", "pipe"],
    });
    expect(output).toMatch(EXPECTED_TEXT);
    expect(output).toContain("data: [DONE]");
  });

  await test.step("copy the JavaScript snippet and run it", async () => {
    const snippet = await copied(page, "JavaScript (openai)");
    const folder = join(RESULTS, "snippets");
    mkdirSync(folder, { recursive: true });
    const file = join(folder, "openai.mjs");
    writeFileSync(file, `const userToken = process.env.USER_TOKEN;\n${snippet}`);
    const env = { PATH: process.env.PATH, USER_TOKEN: await mintToken("pupil-2") };
    expect(execFileSync(process.execPath, [file], { encoding: "utf8", env })).toMatch(/\w/);
  });

  await test.step("a refused call is counted, too", async () => {
    const answer = await fetch(`${proxy.edgeUrl}/v1/fine_tuning/jobs`, {
      headers: { authorization: `Bearer ${await mintToken("pupil-2")}` },
    });
    expect(answer.status).toBe(403);
  });

  await test.step("see the calls in the charts and tables", async () => {
    const users = page.getByRole("region", { name: "Top users" });
    const recent = page.getByRole("region", { name: "Recent requests" });
    await expect(async () => {
      await dashboard.open(`${proxy.path}/usage`);
      await expect(users.getByRole("row", { name: /pupil-1/ })).toBeVisible({ timeout: 500 });
      await expect(users.getByRole("row", { name: /pupil-2/ })).toBeVisible({ timeout: 500 });
      await expect(recent.getByRole("row", { name: /403/ })).toBeVisible({ timeout: 500 });
      // Charts and tables are read one after the other: an event may come in between.
      await expect(page.getByRole("img", { name: /^Requests: 4 in all/ })).toBeVisible({ timeout: 500 });
    }).toPass({ timeout: 20_000 });
    await expect(page.getByRole("img", { name: /^Tokens: [1-9]\d* input and [1-9]\d* output in all/ })).toBeVisible();
    await expect(page.getByRole("img", { name: "Cost: under $0.0001 in all." })).toBeVisible();
    await expect(recent.getByRole("row", { name: /POST \/v1\/chat\/completions 200 gpt-4o-mini/ })).toHaveCount(2);
    for (const range of ["7 days", "30 days"]) {
      await page.getByRole("navigation", { name: "Time range" }).getByRole("link", { name: range }).click();
      await expect(page.getByRole("link", { name: range })).toHaveAttribute("aria-current", "true");
      await expect(page.getByRole("img", { name: /^Requests: 4 in all/ })).toBeVisible();
    }
    await dashboard.open(appPath);
    await expect(page.getByRole("img", { name: /^Requests: 4 in all/ })).toBeVisible();
    await expect(page.getByText("To your first call")).toBeHidden();
  });
});

async function copied(page: Page, language: string): Promise<string> {
  await page.getByRole("radio", { name: language, exact: true }).check();
  const code = page.getByRole("region", { name: `${language} code` });
  await expect(code).toBeVisible();
  const block = page.locator(".code-block").filter({ has: code });
  await block.getByRole("button", { name: "Copy the code" }).click();
  await expect(block.getByText("Copied")).toBeVisible();
  const text = await clipboard(page);
  expect(text.trim()).toBe((await code.innerText()).trim());
  return text;
}

/** The dashboard's own pages may write to the clipboard, and not read it; a page of the emulator may. */
async function clipboard(page: Page): Promise<string> {
  const context = await page.context().browser()!.newContext({ permissions: ["clipboard-read"] });
  const reader = await context.newPage();
  await reader.goto(`${stack().emulatorUrl}/_health`);
  const text = await reader.evaluate(() => navigator.clipboard.readText());
  await context.close();
  return text;
}
