// httpwg's conformance tests of HTTP/2 (RFC 9113) against the edge's plain listener, and against nghttpd in the same run.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { startStand } from "./stand.mjs";

const [standProgram, httpwg] = process.argv.slice(2);
const figures = { versions: { nghttpd: process.env.NGHTTPD_VERSION }, failures: [] };
const stand = await startStand(standProgram, ["KEYWARD_CONNECTIONS_PER_ADDRESS=5000"]);
try {
  const edge = new URL(stand.edge).host;
  if (await speaksHttp2(stand.edge)) await compare(edge);
  else figures.not_run = "the edge's listener speaks no HTTP/2 without TLS";
} finally {
  await stand.stop();
}
console.log(JSON.stringify(figures, null, 1));
process.exitCode = figures.failures.length === 0 ? 0 : 1;

async function compare(edge) {
  figures.edge = tested(edge);
  figures.nghttpd = await withNghttpd(tested);
  const names = new Set([figures.edge, figures.nghttpd].flatMap(({ known }) => known));
  for (const side of [figures.edge, figures.nghttpd]) {
    const silent = [...names].filter((name) => !side.known.includes(name));
    side.failed.push(...silent.map((name) => ({ name, reason: "ended without a verdict" })));
    delete side.known;
  }
  if (!(figures.edge.passed >= figures.nghttpd.passed)) figures.failures.push(`the edge passed ${figures.edge.passed} tests, nghttpd ${figures.nghttpd.passed}`);
}

/** An answer of any kind to a request in HTTP/2 with prior knowledge. */
function speaksHttp2(url) {
  return new Promise((resolve) => {
    const session = connectHttp2(url);
    const done = (speaks) => { session.destroy(); resolve(speaks); };
    session.once("error", () => done(false));
    const request = session.request({ ":path": "/" });
    request.setTimeout(5_000, () => done(false)).once("error", () => done(false)).once("response", () => done(true)).end();
  });
}

function tested(address) {
  const ran = spawnSync(httpwg, ["-a", address, "--frame-timeout", "2000"], { encoding: "utf8", maxBuffer: 1 << 28, timeout: 600_000, env: { ...process.env, NO_COLOR: "1", RUST_BACKTRACE: "0" } });
  const said = `${ran.stdout}\n${ran.stderr}`.replace(/\u001b\[[0-9;]*m/g, "");
  const [, passed, tests] = said.match(/Passed (\d+)\/(\d+) tests/) ?? [];
  if (!passed) throw new Error(`httpwg said nothing of its figures: ${said.slice(-1000)}`);
  const failed = [...said.matchAll(/❌ Test failed: ([^\n]*)\n\s*0: ([^\n]*)/gu)].map(([, name, reason]) => ({ name: name.replace(/^RFC 9113 :: /, ""), reason: reason.replaceAll(/BitFlags<ErrorC>\(0b\d+, ([^)]*)\)/g, "$1") }));
  const succeeded = [...said.matchAll(/✅ Test passed: RFC 9113 :: ([^\n]*)/gu)].map(([, name]) => name);
  // A test that expects too much of the answer ends with a panic, and its name is not told.
  return { passed: Number(passed), tests: Number(tests), failed, known: [...succeeded, ...failed.map(({ name }) => name)] };
}

async function withNghttpd(then) {
  const folder = mkdtempSync(join(tmpdir(), "keyward-nghttpd-"));
  writeFileSync(join(folder, "index.html"), "hello\n");
  const port = await freePort();
  const server = spawn("nghttpd", ["--no-tls", "-a", "127.0.0.1", "-d", folder, `${port}`], { stdio: "ignore" });
  try {
    await answering(port);
    return then(`127.0.0.1:${port}`);
  } finally {
    server.kill();
    rmSync(folder, { recursive: true });
  }
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function answering(port) {
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; ) {
    const open = await new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1", () => { socket.destroy(); resolve(true); }).once("error", () => resolve(false));
    });
    if (open) return;
  }
  throw new Error("nghttpd does not listen");
}
