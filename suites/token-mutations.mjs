// Ways to spoil a good token. Each takes one and the stock of all, and returns a text.
import { createHmac, sign as signBytes } from "node:crypto";

const encode = (value) => Buffer.from(typeof value === "string" || Buffer.isBuffer(value) ? value : JSON.stringify(value)).toString("base64url");
const parts = ({ text }) => text.split(".");
const read = (part) => JSON.parse(Buffer.from(part, "base64url").toString());

/** A true signature over any header and payload, given as texts. */
function resigned({ pair, issuer }, header, payload) {
  const input = `${encode(header)}.${encode(payload)}`;
  if (pair.alg === "HS256") return `${input}.${createHmac("sha256", issuer.secret).update(input).digest("base64url")}`;
  const options = pair.alg === "ES256" ? { key: pair.privateKey, dsaEncoding: "ieee-p1363" } : pair.privateKey;
  return `${input}.${signBytes("sha256", Buffer.from(input), options).toString("base64url")}`;
}

function changedHeader(token, change) {
  const [header, payload, signature] = parts(token);
  return `${encode(change(read(header)))}.${payload}.${signature}`;
}

const STRANGE_VALUES = [null, true, 0, -1, "", "x", [], {}, 1e308, 9007199254740993, [null], "\u0000", 1.5];
const CLAIMS = ["iss", "aud", "sub", "exp", "nbf", "iat", "role", "azp", "client_id", "auth_time", "firebase", "is_anonymous"];
const HEADERS = [
  { crit: ["exp"] }, { crit: [] }, { crit: null }, { b64: false }, { b64: false, crit: ["b64"] }, { typ: 7 }, { typ: "at+jwt" }, { kid: 7 }, { kid: null },
  { kid: "" }, { kid: ["rsa-1"] }, { jku: "http://127.0.0.1:9/" }, { jwk: { kty: "oct", k: "AA" } }, { x5c: ["AA"] }, { x5u: "http://127.0.0.1:9/" },
  { zip: "DEF" }, { cty: "JWT" }, { enc: "A256GCM" }, { alg: "none" }, { alg: "None" }, { alg: "rs256" }, { alg: "PS256" }, { alg: ["RS256"] }, { alg: null },
  { alg: "RS512" }, { alg: "HS512" }, { alg: "RS256 " },
];

export const MUTATIONS = {
  "a bit flipped": (token, { draw }) => {
    const bytes = Buffer.from(token.text);
    bytes[draw.below(bytes.length)] ^= 1 << draw.below(7);
    return bytes.toString("latin1");
  },
  "a character put in": (token, { draw }) => {
    const at = draw.below(token.text.length + 1);
    return token.text.slice(0, at) + draw.one([..." =.+/?#\n\t\u0000-_A", "=="]) + token.text.slice(at);
  },
  "cut short": (token, { draw }) => token.text.slice(0, draw.below(token.text.length)),
  "characters left out": (token, { draw }) => {
    const at = draw.below(token.text.length);
    return token.text.slice(0, at) + token.text.slice(at + 1 + draw.below(5));
  },
  "parts of two tokens": (token, { draw, good, foreign }) => {
    const [one, two] = [parts(token), parts(draw.one([...good, ...foreign]))];
    return one.map((part, at) => (draw.chance(50) ? part : two[at])).join(".");
  },
  "the header changed, the signature left": (token, { draw }) => changedHeader(token, (header) => ({ ...header, ...draw.one(HEADERS) })),
  "another header, truly signed": (token, { draw }) => {
    const [header, payload] = parts(token).map((part, at) => (at < 2 ? read(part) : part));
    return resigned(token, JSON.stringify({ ...header, ...draw.one(HEADERS) }), JSON.stringify(payload));
  },
  "a claim of another kind, truly signed": (token, { draw }) => {
    const [header, payload] = parts(token);
    return resigned(token, Buffer.from(header, "base64url"), JSON.stringify({ ...read(payload), [draw.one(CLAIMS)]: draw.one(STRANGE_VALUES) }));
  },
  "a claim left out, truly signed": (token, { draw }) => {
    const [header, payload] = parts(token);
    const claims = read(payload);
    delete claims[draw.one(CLAIMS)];
    return resigned(token, Buffer.from(header, "base64url"), JSON.stringify(claims));
  },
  "a time near its limit, truly signed": (token, { draw, nowSecs }) => {
    const [header, payload] = parts(token);
    const at = nowSecs + draw.one([-1, 1]) * 60 + draw.below(5) - 2 + (draw.chance(30) ? 0.5 : 0);
    return resigned(token, Buffer.from(header, "base64url"), JSON.stringify({ ...read(payload), [draw.one(["exp", "nbf", "iat"])]: at }));
  },
  "a claim twice, truly signed": (token, { draw, good }) => {
    const [header, payload] = parts(token);
    const text = Buffer.from(payload, "base64url").toString();
    const name = draw.one(["sub", "iss", "aud", "exp", "s\\u0075b"]);
    const value = JSON.stringify(draw.one(["admin", read(parts(draw.one(good))[1]).iss, 1, read(payload)[name]]));
    const twice = draw.chance(50) ? `{"${name}":${value},${text.slice(1)}` : `${text.slice(0, -1)},"${name}":${value}}`;
    return resigned(token, Buffer.from(header, "base64url"), twice);
  },
  "a header field twice, truly signed": (token, { draw }) => {
    const [header, payload] = parts(token);
    const text = Buffer.from(header, "base64url").toString();
    const field = draw.one(['"alg":"none"', '"alg":"HS256"', '"kid":"rsa-2"', `"alg":"${token.pair.alg}"`]);
    const twice = draw.chance(50) ? `{${field},${text.slice(1)}` : `${text.slice(0, -1)},${field}}`;
    return resigned(token, twice, Buffer.from(payload, "base64url"));
  },
  "JSON that is not quite JSON, truly signed": (token, { draw }) => {
    const [header, payload] = parts(token).slice(0, 2).map((part) => Buffer.from(part, "base64url").toString());
    const spoil = draw.one([(text) => `\ufeff${text}`, (text) => `${text} `, (text) => `${text}x`, (text) => `${text}{}`, (text) => `[${text}]`,
      (text) => text.replace("{", "{,"), (text) => text.replace('"', "'"), (text) => text.replace(/}$/, ",}"), (text) => `"${text}"`, () => "null", () => "",
      (text) => text.replace("user-1", "user-\\ud800"), (text) => text.replace("user-1", "user-\u0001"), (text) => `/**/${text}`]);
    return draw.chance(50) ? resigned(token, spoil(header), payload) : resigned(token, header, spoil(payload));
  },
  "bytes that are not UTF-8, truly signed": (token, { draw }) => {
    const [header, payload] = parts(token).slice(0, 2).map((part) => Buffer.from(part, "base64url"));
    const spoiled = Buffer.from(payload.toString("latin1").replace("user", draw.one(["us\xffr", "\xc0\xafser", "\xed\xa0\x80er"])), "latin1");
    return resigned(token, header, spoiled);
  },
  "signed with a public key as a secret": (token, { draw, issuers }) => {
    const [header, payload] = parts(token).map((part, at) => (at < 2 ? read(part) : part));
    const pair = draw.one(issuers.flatMap((issuer) => issuer.pairs ?? []));
    const input = `${encode({ ...header, alg: "HS256" })}.${encode(payload)}`;
    const secret = draw.one([pair.pem, pair.pem.trim(), JSON.stringify(pair.jwk), Buffer.from(pair.jwk.n ?? pair.jwk.x, "base64url")]);
    return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
  },
  "signed with another issuer's key": (token, { draw, good }) => {
    const [header, payload] = parts(token).map((part, at) => (at < 2 ? read(part) : part));
    const other = draw.one(good);
    const named = draw.chance(50) ? { kid: other.pair.kid, alg: other.pair.alg } : { alg: other.pair.alg };
    return resigned(other, JSON.stringify({ ...header, ...named }), JSON.stringify(payload));
  },
  "no signature": (token, { draw }) => {
    const [header, payload] = parts(token);
    return draw.one([`${header}.${payload}.`, `${header}.${payload}`, `${encode({ alg: "none" })}.${payload}.`, `${encode({ ...read(header), alg: "none" })}.${payload}.`]);
  },
  "an elliptic signature in another form": (token, { draw, good }) => {
    const elliptic = draw.one(good.filter(({ pair }) => pair.alg === "ES256"));
    const [header, payload, signature] = parts(elliptic);
    const raw = Buffer.from(signature, "base64url");
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
    const s = BigInt(`0x${raw.subarray(32).toString("hex")}`);
    const bytes = (number) => Buffer.from(number.toString(16).padStart(64, "0"), "hex");
    const der = signBytes("sha256", Buffer.from(`${header}.${payload}`), elliptic.pair.privateKey);
    const made = draw.one([Buffer.concat([raw.subarray(0, 32), bytes(order - s)]), der, Buffer.alloc(64), Buffer.concat([raw, Buffer.alloc(1)]),
      Buffer.concat([Buffer.alloc(32), raw.subarray(32)]), Buffer.concat([raw.subarray(0, 32), bytes(order)]), raw.subarray(0, 63)]);
    return `${header}.${payload}.${made.toString("base64url")}`;
  },
  "base64 in another form": (token, { draw }) => {
    const spoiled = parts(token);
    const at = draw.below(3);
    const part = spoiled[at];
    spoiled[at] = draw.one([`${part}=`, `${part}==`, part.replaceAll("-", "+").replaceAll("_", "/"), ` ${part}`, `${part}\n`, part.slice(0, -1) + String.fromCharCode(part.charCodeAt(part.length - 1) + 1)]);
    return spoiled.join(".");
  },
  "too many or too few dots": (token, { draw }) => draw.one([`${token.text}.`, `.${token.text}`, `${token.text}.x`, token.text.replace(".", ".."), token.text.replaceAll(".", ""), `${token.text}.${token.text}`, "..", "", "."]),
  "very long, truly signed": (token) => {
    const [header, payload] = parts(token);
    return resigned(token, Buffer.from(header, "base64url"), JSON.stringify({ ...read(payload), padding: "x".repeat(9000) }));
  },
};
