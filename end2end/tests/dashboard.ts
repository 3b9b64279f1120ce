// What a developer does in the dashboard, as a test writes it: with scripts or without, through the same labels.
import { randomBytes } from "node:crypto";

import { expect, type Locator, type Page } from "@playwright/test";

import { stack } from "../stack/stack.ts";

export interface NewProxy {
  name: string;
  /** As the choice is titled: `OpenAI`, `Anthropic`, `Google Gemini`, `Custom API`. */
  provider: string;
  baseUrl: string;
}

export interface Proxy {
  path: string;
  edgeUrl: string;
}

/** Every visitor has an address of its own, so that no test uses up the patience meant for another's network. */
export function visitor(): { baseURL: string; extraHTTPHeaders: Record<string, string> } {
  const [a, b] = randomBytes(2);
  return { baseURL: stack().dashboardUrl, extraHTTPHeaders: { "X-Forwarded-For": `198.18.${a}.${b}` } };
}

export function newAddress(): string {
  return `dev-${randomBytes(6).toString("hex")}@example.com`;
}

export class Dashboard {
  constructor(
    readonly page: Page,
    private readonly javaScriptEnabled: boolean,
  ) {}

  async open(path: string): Promise<void> {
    await this.page.goto(path);
    await this.ready();
  }

  /** Scripts answer clicks from here on; without scripts the browser does. */
  async ready(): Promise<void> {
    if (this.javaScriptEnabled) await this.page.locator("html[data-alive]").waitFor({ state: "attached" });
  }

  async setAnonymousUsers(choice: string): Promise<void> {
    const choices = this.page.getByLabel("What holds for anonymous users");
    if (!(await choices.isVisible())) await this.page.locator("summary", { hasText: "Anonymous users" }).click();
    await choices.selectOption({ label: choice });
    await this.press("Set for anonymous users");
  }

  async press(name: string, within: Page | Locator = this.page): Promise<void> {
    await within.getByRole("button", { name, exact: true }).click();
  }

  async arrivesAt(pattern: RegExp): Promise<void> {
    await expect(this.page).toHaveURL(pattern);
    await this.ready();
  }

  async signUp(address: string, password = stack().canaries.password): Promise<void> {
    await this.open("/sign-up");
    await this.page.getByLabel("E-mail address").fill(address);
    await this.page.getByLabel("Password").fill(password);
    await this.press("Sign up");
    await this.arrivesAt(/\/check-your-mail$/);
  }

  /** Opens the link in the newest mail of this subject to this address, once it is there. */
  async followMail(address: string, subject: string): Promise<void> {
    const heading = this.page.getByRole("heading", { name: subject });
    const mail = this.page.getByRole("listitem").filter({ hasText: address }).filter({ has: heading }).first();
    await expect(async () => {
      await this.open("/dev/mail");
      await expect(mail).toBeVisible({ timeout: 500 });
    }).toPass({ timeout: 20_000 });
    await mail.getByRole("link").first().click();
    await expect(this.page).toHaveURL(/token=/);
    await this.ready();
  }

  async becomeMember(address: string): Promise<void> {
    await this.signUp(address);
    await this.followMail(address, "Confirm your e-mail address");
    await this.press("Confirm my address");
    await this.arrivesAt(/\/sign-in\?confirmed=yes$/);
    await this.signIn(address);
  }

  async signIn(address: string, password = stack().canaries.password): Promise<void> {
    await this.open("/sign-in");
    await this.page.getByLabel("E-mail address").fill(address);
    await this.page.getByLabel("Password").fill(password);
    await this.press("Sign in");
    await this.arrivesAt(/\/apps$/);
  }

  /** Leaves the page of the new app open and returns its path. */
  async createApp(name: string): Promise<string> {
    await this.open("/apps");
    await this.page.getByLabel("Name").fill(name);
    await this.press("Create app");
    await this.arrivesAt(/\/apps\/[0-9a-f-]{36}$/);
    await expect(this.page.getByRole("heading", { level: 1, name })).toBeVisible();
    return new URL(this.page.url()).pathname;
  }

  async linkEmulator(appPath: string): Promise<void> {
    await this.open(`${appPath}/issuers/new`);
    await this.page.getByRole("link", { name: /^Local emulator/ }).click();
    await this.arrivesAt(/kind=emulator/);
    await this.press("Link it");
    await this.arrivesAt(/\/apps\/[0-9a-f-]{36}$/);
    const linked = this.page.getByRole("listitem").filter({ hasText: stack().emulatorUrl });
    await expect(linked.getByText("Reachable", { exact: true })).toBeVisible();
  }

  async createProxy(appPath: string, { name, provider, baseUrl }: NewProxy): Promise<Proxy> {
    await this.open(`${appPath}/proxies/new`);
    await this.page.getByRole("link", { name: new RegExp(`^${provider}`) }).click();
    await this.arrivesAt(/provider=/);
    await this.page.getByLabel("Name", { exact: true }).fill(name);
    await this.page.getByLabel("Base URL").fill(baseUrl);
    await this.page.getByLabel("API key").fill(stack().canaries.providerKey);
    await this.press("Add proxy");
    await this.arrivesAt(/\/proxies\/[0-9a-f-]{36}$/);
    await expect(this.page.getByRole("heading", { level: 1, name })).toBeVisible();
    const edgeUrl = await this.page.getByRole("region", { name: /^Edge address/ }).getByRole("code").innerText();
    return { path: new URL(this.page.url()).pathname, edgeUrl };
  }

  /** The path of the plan that everybody without another is in. */
  async defaultPlan(appPath: string): Promise<string> {
    await this.open(`${appPath}/plans`);
    await this.page.getByRole("link", { name: "Default" }).click();
    await this.arrivesAt(/\/plans\/[0-9a-f-]{36}$/);
    return new URL(this.page.url()).pathname;
  }

  /** The path of the page of a user who need not have called. */
  async userPage(appPath: string, sub: string): Promise<string> {
    await this.open(`${appPath}/users?sub=${encodeURIComponent(sub)}`);
    const href = await this.page.locator('a[href*="/users/user?"]').first().getAttribute("href");
    expect(href).not.toBeNull();
    return href as string;
  }

  /** Requests an hour for each user, wherever `path` keeps its limits. */
  async limit(path: string, requests: number): Promise<void> {
    await this.open(path);
    await this.page.getByLabel("At most").fill(String(requests));
    await this.page.getByLabel("In", { exact: true }).selectOption("an hour");
    await this.press("Add limit");
    await expect(this.page.getByRole("heading", { name: `${requests} requests an hour` })).toBeVisible();
    await expect(this.page.getByLabel("At most")).toHaveValue("");
  }

  async signOut(): Promise<void> {
    await this.page.getByRole("navigation", { name: "Main" }).getByRole("button", { name: "Sign out" }).click();
    await this.arrivesAt(/\/$/);
  }

  /** The field says what is wrong with it, where a screen reader finds it too. */
  async complainsAt(label: string, reason: RegExp): Promise<void> {
    const field = this.page.getByLabel(label, { exact: true });
    await expect(field).toHaveAttribute("aria-invalid", "true");
    await expect(field).toHaveAccessibleDescription(new RegExp(reason, "i"));
  }
}
