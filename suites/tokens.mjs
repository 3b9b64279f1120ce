// `jose` as an oracle: tokens mutated from good ones, judged by it and by the edge's verifier under the same policy.
// We may be stricter; what `jose` refuses we must never accept, and whom a token names we must read as it does.
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

import { SignJWT, createLocalJWKSet, exportJWK, exportSPKI, generateKeyPair, jwtVerify } from "jose";

import { MUTATIONS } from "./token-mutations.mjs";
import { random } from "./random.mjs";

const NOW_SECS = 1_800_000_000;
const SECRET = "the-secret-of-a-legacy-project-0123456789";
const bytes = (text) => new TextEncoder().encode(text);

const [verdicts, count = "10000", seed = "1"] = process.argv.slice(2);
const issuers = await makeIssuers();
const { good, foreign } = await makeTokens(issuers);
const draw = random(Number(seed));
const tokens = [...good, ...foreign].map((token) => ({ kind: "as it was signed", token: token.text }));
const stock = { good, foreign, issuers, draw, nowSecs: NOW_SECS };
while (tokens.length < Number(count)) {
  const kind = draw.one(Object.keys(MUTATIONS));
  tokens.push({ kind, token: await MUTATIONS[kind](draw.one(good), stock) });
}
report(tokens, await judgedByUs(tokens), await judgedByJose(tokens));

async function makeIssuers() {
  const [rsa, ec, other] = await Promise.all([keyPair("RS256", "rsa-1"), keyPair("ES256", "ec-1"), keyPair("RS256", "rsa-2")]);
  const common = { audience: "app-one", typ: "JWT" };
  const supabase = (ref) => `https://${ref}.supabase.co/auth/v1`;
  return [
    { ...common, iss: "https://tenant.example/", algorithms: ["RS256"], pairs: [rsa, other],
      config: (url) => ({ kind: "oidc", issuer: "https://tenant.example/", audience: "app-one", jwks_url: url, dialect: "auth0" }) },
    { ...common, iss: supabase("keys"), audience: "authenticated", algorithms: ["ES256", "RS256"], pairs: [ec, rsa],
      claims: { role: "authenticated" }, config: () => ({ kind: "supabase", issuer: supabase("keys") }), published: `${supabase("keys")}/.well-known/jwks.json` },
    { ...common, iss: supabase("secret"), audience: "authenticated", algorithms: ["HS256"], secret: SECRET,
      claims: { role: "authenticated" }, config: () => ({ kind: "supabase_secret", issuer: supabase("secret") }) },
    { ...common, iss: "https://securetoken.google.com/demo", audience: "demo", algorithms: ["RS256"], pairs: [other],
      claims: { auth_time: NOW_SECS - 100, firebase: { sign_in_provider: "password" } }, config: () => ({ kind: "firebase", project_id: "demo" }),
      published: "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com" },
  ];
}

async function keyPair(alg, kid) {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid, alg, use: "sig" };
  return { alg, kid, jwk, privateKey, pem: await exportSPKI(publicKey) };
}

/** Tokens of users, by each issuer and key; and tokens that a linked issuer signed for another app, project or purpose. */
async function makeTokens(all) {
  const good = [], foreign = [];
  for (const issuer of all) {
    const claims = { sub: "user-1", iat: NOW_SECS - 5, exp: NOW_SECS + 3600, ...issuer.claims };
    const signers = issuer.pairs?.filter((pair) => issuer.algorithms.includes(pair.alg)) ?? [{ alg: "HS256", privateKey: bytes(issuer.secret) }];
    for (const pair of signers) {
      const sign = (own) => signed(pair, { iss: issuer.iss, aud: issuer.audience, ...claims, ...own });
      good.push({ text: await sign({}), issuer, pair }, { text: await sign({ aud: [issuer.audience, "another"], sub: "user-ü" }), issuer, pair });
      for (const own of [{ aud: "another-app" }, { iss: "https://elsewhere.example/" }, { exp: NOW_SECS - 61 }, { exp: NOW_SECS - 60 },
        { exp: NOW_SECS - 59 }, { nbf: NOW_SECS + 61 }, { nbf: NOW_SECS + 60 }, { exp: undefined }, { iss: undefined }, { aud: undefined },
        { sub: undefined }, { sub: 7 }, { exp: "1900000000" }, { exp: 1.9e9 + 0.5 }, { nbf: "x" }, { aud: [] }, { aud: [7, issuer.audience] },
        { aud: { 0: issuer.audience } }, { iss: [issuer.iss] }, { exp: null }, { aud: null }, { exp: -1 }, { exp: 1e300 }, { sub: "" },
        { aud: `${issuer.audience} ` }, { iss: issuer.iss.replace(/\/$/, "") + "//" }, { iss: issuer.iss.toUpperCase() }])
        foreign.push({ text: await sign(own), issuer, pair });
    }
  }
  return { good, foreign };
}

function signed(pair, claims) {
  return new SignJWT(claims).setProtectedHeader({ alg: pair.alg, typ: "JWT", ...(pair.kid && { kid: pair.kid }) }).sign(pair.privateKey);
}

/** The edge's verifier, with the key sets on a real socket. */
async function judgedByUs(asked) {
  const server = createServer((request, response) => {
    const issuer = issuers[Number(request.url.slice(1))];
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ keys: issuer.pairs.map((pair) => pair.jwk) }));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = (at) => `http://127.0.0.1:${server.address().port}/${at}`;
  const overrides = Object.fromEntries(issuers.flatMap((issuer, at) => (issuer.published ? [[issuer.published, url(at)]] : [])));
  const linked = issuers.map((issuer, at) => ({ config: issuer.config(url(at)), secret: issuer.secret }));
  const child = spawn(verdicts, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = [{ now: NOW_SECS, jwks_overrides: overrides, issuers: linked }, ...asked.map(({ token }) => token)];
  child.stdin.end(lines.map((line) => JSON.stringify(line) + "\n").join(""));
  const said = [];
  for await (const line of createInterface({ input: child.stdout })) said.push(JSON.parse(line));
  server.close();
  if (said.length !== asked.length) throw new Error(`${said.length} verdicts on ${asked.length} tokens`);
  return said;
}

async function judgedByJose(asked) {
  const policies = issuers.map((issuer) => ({
    key: issuer.secret ? bytes(issuer.secret) : createLocalJWKSet({ keys: issuer.pairs.map((pair) => pair.jwk) }),
    options: { issuer: issuer.iss, audience: issuer.audience, algorithms: issuer.algorithms, requiredClaims: ["exp", "sub"],
      clockTolerance: 60, currentDate: new Date(NOW_SECS * 1000) },
  }));
  const said = [];
  for (const { token } of asked) {
    let verdict = { accepted: false };
    for (const [at, { key, options }] of policies.entries()) {
      const verified = await jwtVerify(token, key, options).catch(() => undefined);
      if (verified) verdict = { accepted: true, issuer: at + 1, sub: verified.payload.sub };
    }
    said.push(verdict);
  }
  return said;
}

function report(asked, ours, theirs) {
  const { jose } = createRequire(import.meta.url)("./package.json").devDependencies;
  const figures = { versions: { jose }, seed: Number(seed), tokens: asked.length, accepted_by_both: 0, refused_by_both: 0, stricter: {}, failures: [] };
  for (const [at, { kind, token }] of asked.entries()) {
    const [our, their] = [ours[at], theirs[at]];
    const sameUser = our.issuer === their.issuer && our.sub === their.sub;
    if (our.accepted && !their.accepted) figures.failures.push({ what: "we accept what jose refuses", kind, token });
    else if (our.accepted && !sameUser) figures.failures.push({ what: "we read another user", kind, token, ours: our, theirs: their });
    else if (our.accepted) figures.accepted_by_both += 1;
    else if (!their.accepted) figures.refused_by_both += 1;
    else figures.stricter[`${kind}: ${our.code}`] = (figures.stricter[`${kind}: ${our.code}`] ?? 0) + 1;
  }
  console.log(JSON.stringify(figures, null, 1));
  process.exitCode = figures.failures.length === 0 ? 0 : 1;
}
