import { defineConfig, devices } from "@playwright/test";

// Everything runs in Debian's Chromium: no browser is downloaded. `KEYWARD_CHROMIUM` names another.
const asRoot = process.getuid?.() === 0;

export default defineConfig({
  testDir: "tests",
  outputDir: "test-results/failures",
  globalSetup: "./stack/setup.ts",
  reporter: [["list"]],
  workers: 1,
  retries: 0,
  forbidOnly: !!process.env.CI,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  use: {
    ...devices["Desktop Chrome"],
    locale: "en-US",
    screenshot: "only-on-failure",
    launchOptions: {
      executablePath: process.env.KEYWARD_CHROMIUM ?? "/usr/bin/chromium",
      args: [
        "--disable-quic",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        ...(asRoot ? ["--no-sandbox"] : []),
      ],
    },
  },
  projects: [
    { name: "suite", testIgnore: ["leaks.spec.ts", "screenshots.spec.ts"], teardown: "leaks" },
    // After everything else, whatever became of it: what was written and sent is searched for secrets.
    { name: "leaks", testMatch: "leaks.spec.ts" },
    ...(process.env.KEYWARD_SCREENSHOTS ? [{ name: "screenshots", testMatch: "screenshots.spec.ts" }] : []),
  ],
});
