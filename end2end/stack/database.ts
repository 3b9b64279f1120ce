// A fresh database for one run, on the server that KEYWARD_TEST_DATABASE_URL names.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

export interface Database {
  url: string;
  drop(): void;
}

export function createDatabase(): Database {
  const server = process.env.KEYWARD_TEST_DATABASE_URL;
  if (!server) {
    throw new Error(
      "KEYWARD_TEST_DATABASE_URL is not set. `make test` sets it; by hand: " +
        "export KEYWARD_TEST_DATABASE_URL=$(scripts/postgres.sh start .keyward/test-postgres)",
    );
  }
  const name = `keyward_end2end_${randomBytes(6).toString("hex")}`;
  query(server, `CREATE DATABASE ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => query(server, `DROP DATABASE ${name} WITH (FORCE)`) };
}

/** Rows of one column, as text. */
export function query(url: string, sql: string): string[] {
  const output = execFileSync(program("psql"), ["-XqtA", "-v", "ON_ERROR_STOP=1", url, "-c", sql], { encoding: "utf8" });
  return output.split("\n").filter(Boolean);
}

export function dump(url: string, options: string[] = []): string {
  return execFileSync(program("pg_dump"), ["--inserts", ...options, url], { encoding: "utf8", maxBuffer: 1 << 30 });
}

/** Debian keeps the server's programs of each version in a folder of its own, which is not in PATH. */
function program(name: string): string {
  const home = "/usr/lib/postgresql";
  const versions = existsSync(home) ? readdirSync(home).sort((a, b) => Number(b) - Number(a)) : [];
  const found = versions.map((version) => join(home, version, "bin", name)).find((path) => existsSync(path));
  return found ?? name;
}
