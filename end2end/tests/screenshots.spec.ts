// `npm run screenshots`: every page at three widths, light and dark, into test-results/screenshots.
import { join } from "node:path";

import { RESULTS } from "../stack/stack.ts";
import { MEMBER_PAGES, PUBLIC_PAGES } from "./pages.ts";
import { signedIn, test, type Workshop } from "./workshop.ts";
import type { Dashboard } from "./dashboard.ts";
import { mintToken } from "./emulator.ts";
import { expect, type Watch } from "./fixtures.ts";

const WIDTHS = [1440, 768, 390];

async function take(dashboard: Dashboard, watch: Watch, name: string, path: string): Promise<void> {
  watch.expectRefusals(404);
  for (const colorScheme of ["light", "dark"] as const) {
    await dashboard.page.emulateMedia({ colorScheme });
    for (const width of WIDTHS) {
      await dashboard.page.setViewportSize({ width, height: 900 });
      await dashboard.open(path);
      const file = `${name.replace(/[^a-z]+/gi, "-")}-${width}-${colorScheme}.png`;
      await dashboard.page.screenshot({ path: join(RESULTS, "screenshots", file), fullPage: true });
    }
  }
}

for (const [name, path] of Object.entries(PUBLIC_PAGES)) {
  test(`screenshots of ${name}`, async ({ dashboard, watch }) => take(dashboard, watch, name, path));
}

signedIn("a proxy that is called by several users", async ({ dashboard, workshop }) => {
  for (let n = 0; n < 12; n += 1) await callOnce(workshop, `user-${n % 5}`);
  await expect(async () => {
    await dashboard.open(`${workshop.openai.path}/usage`);
    await expect(dashboard.page.getByRole("row", { name: /user-4/ }).first()).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 20_000 });
});

for (const [name, path] of Object.entries(MEMBER_PAGES)) {
  signedIn(`screenshots of ${name}`, async ({ dashboard, watch, workshop }) => take(dashboard, watch, name, path(workshop)));
}

async function callOnce({ openai }: Workshop, sub: string): Promise<void> {
  await fetch(`${openai.edgeUrl}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${await mintToken(sub)}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Which herbs go with lamb?" }] }),
  });
}
