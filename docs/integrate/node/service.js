// A service that answers members of Kakao Gate and nobody else.
//
// Who asks shows an access token: `Authorization: Bearer …`. It is verified here, by the keys that
// Kakao Gate publishes; Kakao Gate is not asked about each request.

import { createServer } from "node:http";
import { createRemoteJWKSet, errors, jwtVerify } from "jose";

// PUBLIC_URL of Kakao Gate, and its API_AUDIENCE where that is set.
const issuer = process.env.GATE_ISSUER ?? "http://127.0.0.1:8080";
const audience = process.env.GATE_AUDIENCE ?? issuer;
const port = Number(process.env.PORT ?? 3000);

const keys = createRemoteJWKSet(new URL("/.well-known/jwks.json", issuer), {
  // Kept for five minutes, and fetched again for one that is not among them, every five seconds at
  // most, however many made-up names somebody sends.
  cacheMaxAge: 300_000,
  cooldownDuration: 5_000,
  timeoutDuration: 5_000,
});

// The id of the member whose token this is.
async function memberOf(token) {
  const { payload } = await jwtVerify(token, keys, {
    // Fixed here: what the token says about its algorithm is not followed.
    algorithms: ["ES256"],
    // An access token, and not another JWT that the same keys may sign one day.
    typ: "at+jwt",
    issuer,
    audience,
    requiredClaims: ["sub", "iat", "exp"],
  });
  return payload.sub;
}

// Whether it is the token that is wrong, and not the way to the keys.
function isTokens(error) {
  return (
    error instanceof errors.JWTInvalid ||
    error instanceof errors.JWTExpired ||
    error instanceof errors.JWTClaimValidationFailed ||
    error instanceof errors.JWSInvalid ||
    error instanceof errors.JWSSignatureVerificationFailed ||
    error instanceof errors.JOSEAlgNotAllowed ||
    error instanceof errors.JOSENotSupported ||
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys
  );
}

// The token in the one Authorization header there may be.
function bearer(request) {
  const sent = request.headersDistinct.authorization ?? [];
  return sent.length === 1 ? /^bearer +(\S+)$/i.exec(sent[0])?.[1] : undefined;
}

function answer(response, status, body, challenge) {
  const headers = { "Content-Type": "application/json", "Cache-Control": "no-store" };
  if (challenge) headers["WWW-Authenticate"] = challenge;
  response.writeHead(status, headers).end(JSON.stringify(body));
}

const server = createServer(async (request, response) => {
  const token = bearer(request);
  if (!token) return answer(response, 401, { error: "unauthorized" }, "Bearer");
  try {
    return answer(response, 200, { member: await memberOf(token) });
  } catch (error) {
    if (!isTokens(error)) return answer(response, 503, { error: "unavailable" });
    return answer(response, 401, { error: "invalid_token" }, 'Bearer error="invalid_token"');
  }
});

server.listen(port, "127.0.0.1", () => console.log(`http://127.0.0.1:${port}`));
