// Every page of the service that a link or an error can lead to, by who may see it.

/** The ways a login can end badly: `[id, status]`. */
export const errors = [
  ['consent_missing', 200],
  ['code_used', 400],
  ['redirect_mismatch', 502],
  ['bad_client', 502],
  ['kakao_limit', 503],
  ['kakao_down', 503],
  ['kakao_bad_reply', 502],
  ['state_bad', 400],
  ['state_expired', 400],
  ['under14', 403],
  ['suspended', 403],
  ['already_linked', 409],
  ['has_kakao', 409],
  ['bad_request', 400],
  ['rate', 429],
  ['server', 500],
  ['unavailable', 503],
];

/** Pages for anyone: `[address, status]`. */
export const open = [
  ['/', 200],
  ['/login', 200],
  ['/login?next=/me', 200],
  ['/login?reason=expired', 200],
  ['/login?reason=revoked', 200],
  ['/join', 200],
  ['/join/verify?token=none', 410],
  ['/password/forgot', 200],
  ['/logged-out', 200],
  ['/logged-out?done=all', 200],
  ['/logged-out?done=kakao', 200],
  ['/logged-out?done=partial', 200],
  ['/terms', 200],
  ['/privacy', 200],
  ['/help', 200],
  ['/help/kakao', 200],
  ['/docs/api', 200],
  ['/docs/api/handOff', 200],
  ['/docs/api/forwardAuth', 200],
  ['/auth/kakao/cancelled', 200],
  ['/goodbye', 200],
  ['/goodbye?kakao=later', 200],
  ['/goodbye?kakao=by-hand', 200],
  ['/nowhere', 404],
  ['/theme', 405],
  ...errors.map(([id, status]) => [`/auth/error?e=${id}`, status]),
];

/** Pages for members. */
export const personal = [
  ['/', 200],
  ['/me', 200],
  ['/me/edit', 200],
  ['/me/email', 200],
  ['/me/kakao/unlink', 200],
  ['/me/kakao/consents', 200],
  ['/me/data', 200],
  ['/me/sessions', 200],
  ['/logout', 200],
  ['/logout?quick=1', 200],
  ['/terms', 200],
  ['/help', 200],
];
