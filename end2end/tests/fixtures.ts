// The test of every spec: it fails for anything the browser's console says, and keeps what the browser was sent
// for the search for leaks.
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test as base, type BrowserContext, type Page, type Response } from "@playwright/test";

import { RECEIVED } from "../stack/stack.ts";
import { visitor } from "./dashboard.ts";

export { expect };

export class Watch {
  private readonly complaints: string[] = [];
  private readonly expected: RegExp[] = [];
  private readonly pending: Promise<void>[] = [];
  private readonly file: string;

  constructor(context: BrowserContext, title: string, javaScriptEnabled = true) {
    mkdirSync(RECEIVED, { recursive: true });
    this.file = join(RECEIVED, `${title.replace(/[^a-z0-9]+/gi, "-").slice(0, 120)}.txt`);
    writeFileSync(this.file, "");
    // A browser without scripts refuses to load them, and says so.
    if (!javaScriptEnabled) this.expected.push(/^request: GET \S+\/pkg\/\S+ csp$/, /\/pkg\/\S+ was preloaded using link preload but not used/);
    context.on("console", (message) => this.complain(`console ${message.type()}: ${message.text()} (${message.location().url})`));
    context.on("weberror", (error) => this.complain(`uncaught: ${error.error().stack ?? error.error().message}`));
    context.on("requestfailed", (request) => {
      // A page that is left takes its open requests along.
      const why = request.failure()?.errorText ?? "failed";
      if (why !== "net::ERR_ABORTED") this.complain(`request: ${request.method()} ${request.url()} ${why}`);
    });
    context.on("response", (response) => this.pending.push(this.keep(response)));
  }

  /** The browser reports every refused request in its console; this test provokes one. */
  expectRefusals(...statuses: number[]): void {
    this.expected.push(new RegExp(`Failed to load resource: the server responded with a status of (${statuses.join("|")})\\b`));
  }

  async finish(pages: Page[]): Promise<void> {
    for (const page of pages) {
      if (!page.isClosed()) this.write(`${page.url()}\n${await page.content()}`);
    }
    await Promise.all(this.pending);
    expect(this.complaints, "the console stays silent").toEqual([]);
  }

  private complain(text: string): void {
    if (!this.expected.some((pattern) => pattern.test(text))) this.complaints.push(text);
  }

  private async keep(response: Response): Promise<void> {
    const isBuilt = new URL(response.url()).pathname.startsWith("/pkg/");
    if (isBuilt || !["document", "fetch", "xhr"].includes(response.request().resourceType())) return;
    const headers = JSON.stringify(await response.allHeaders().catch(() => response.headers()));
    // A redirect has no body, and a page that was left gives none.
    const body = await response.text().catch(() => "");
    this.write(`${response.status()} ${response.url()}\n${headers}\n${body}`);
  }

  private write(text: string): void {
    appendFileSync(this.file, `${text}\n\n`);
  }
}

export const test = base.extend<{ watch: Watch }>({
  baseURL: async ({}, use) => use(visitor().baseURL),
  extraHTTPHeaders: async ({}, use) => use(visitor().extraHTTPHeaders),
  watch: [
    async ({ context, javaScriptEnabled }, use, testInfo) => {
      const watch = new Watch(context, testInfo.titlePath.join(" "), javaScriptEnabled);
      await use(watch);
      await watch.finish(context.pages());
    },
    { auto: true },
  ],
});
