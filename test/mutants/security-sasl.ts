import type { Mutant } from './mutant.ts'

export const mutants: readonly Mutant[] = [
  {
    file: 'src/security/sasl/scram.ts',
    text: 'if (!sameSecret(digest(algorithm, clientKey), storedKey)) return REFUSED',
    replacement: '',
    about: 'Whoever knows a name is let in by SCRAM.',
    killedBy: ['security/sasl/scram'],
  },
  {
    file: 'src/security/sasl/scram.ts',
    text: 'itsChannel === channel && itsNonce?.endsWith(nonce) === true',
    replacement: 'itsChannel === channel',
    about: 'A nonce of another exchange is taken for that of this one.',
    killedBy: [],
    equivalent: 'The nonce is signed, too: with another one the proof does not fit.',
  },
  {
    file: 'src/security/sasl/scram.ts',
    text: 'itsNonce?.endsWith(nonce) === true',
    replacement: 'itsNonce === nonce',
    about: 'Clients of librdkafka are not let in by SCRAM.',
    killedBy: ['security/sasl/scram'],
  },
  {
    file: 'src/security/sasl/scram.ts',
    text: "const principal = { type: 'User', name, tokenAuthenticated: true }",
    replacement: "const principal = { type: 'User', name }",
    about: 'Who has a token for a day makes tokens without end of it.',
    killedBy: ['security/tokens/clients'],
  },
  {
    file: 'src/security/tokens/delegation-tokens.ts',
    text: 'if (token === null || isTokenOver(token, this.#host.clock.now())) return null',
    replacement: 'if (token === null) return null',
    about: 'A token that is over lets its bearer in for another hour.',
    killedBy: ['security/tokens/delegation-tokens'],
  },
  {
    file: 'src/security/principal-data.ts',
    text: 'return tokenAuthenticated ? { type, name, tokenAuthenticated } : { type, name }',
    replacement: 'return { type, name }',
    about: 'A token makes others where the request is forwarded to the controller.',
    killedBy: ['security/principal-data'],
  },
  {
    file: 'src/security/sasl/plain.ts',
    text: "if (authorizationId !== '' && authorizationId !== name) {",
    replacement: 'if (authorizationId === name) {',
    about: 'A client that wants to act for somebody else is let in.',
    killedBy: ['security/sasl/clients'],
  },
  {
    file: 'src/security/sasl/plain.ts',
    text: 'if (known === undefined || !isRight)',
    replacement: 'if (known === undefined)',
    about: 'Any password of a user of PLAIN is right.',
    killedBy: ['security/sasl/clients'],
  },
  {
    file: 'src/security/sasl/session.ts',
    text: 'if (this.#principal !== null && this.#principal.name !== principal.name) {',
    replacement: 'if (this.#principal === null && this.#mechanism !== null) {',
    about: 'A connection becomes another user’s, with what was begun on it.',
    killedBy: ['security/sasl/clients'],
  },
  {
    file: 'src/security/sasl/session.ts',
    text: 'this.expiresAtMs = clock.monotonic() + lifetimeMs',
    replacement: 'this.expiresAtMs = undefined',
    about: 'Sessions of connections.max.reauth.ms never end.',
    killedBy: ['security/sasl/clients'],
  },
  {
    file: 'src/security/sasl/jaas.ts',
    text: "if (at < tokens.length) wrong('it has more than one login module')",
    replacement: '',
    about: 'Users of a second login module are left out, and nobody says so.',
    killedBy: ['security/sasl/jaas'],
  },
  {
    file: 'src/security/sasl/oauth/keys.ts',
    text: 'if (this.#modifiedMs !== null) this.#tell(error)',
    replacement: 'this.#tell(error)',
    about: 'Where the file of the keys is gone, anybody may fill the log.',
    killedBy: ['sasl/oauth/keys'],
  },
  {
    file: 'src/security/sasl/session.ts',
    text: 'if (lifetimeMs >= ENDLESS_MS) {',
    replacement: 'if (lifetimeMs === Infinity) {',
    about: 'Whose token expires in thousands of years is not answered, but cut off.',
    killedBy: ['sasl/oauth/clients'],
  },
  {
    file: 'src/security/sasl/listener-sasl.ts',
    text: 'if (this.#users?.text !== text) this.#users',
    replacement: 'this.#users',
    about: 'Each log-in by PLAIN has the names and passwords of all users read.',
    killedBy: ['security/sasl/clients'],
  },
  {
    file: 'src/security/sasl/listener-sasl.ts',
    text: 'if (this.#users?.text !== text) this.#users =',
    replacement: 'this.#users ??=',
    about: 'A user whose password was changed or taken away goes on being let in by PLAIN.',
    killedBy: ['security/sasl/clients'],
  },
  {
    file: 'src/security/outgoing.ts',
    text: 'if (!changed.has(name)) return',
    replacement: 'return',
    about: 'A node whose password was changed at run time can reach no other node.',
    killedBy: ['security/outgoing'],
  },
]

export const ofHandlers: readonly Mutant[] = [
  {
    file: 'src/handlers/token-requests.ts',
    text: 'if (principal.tokenAuthenticated === true) return false',
    replacement: '',
    about: 'Who has a token makes others by it.',
    killedBy: ['security/tokens/clients'],
  },
  {
    file: 'src/handlers/create-delegation-token.ts',
    text: "if (!isOwn && !context.may('CREATE_TOKENS', 'USER', name)) {",
    replacement: "if (isOwn && !context.may('CREATE_TOKENS', 'USER', name)) {",
    about: 'Anybody has a token made for the administrator.',
    killedBy: ['handlers/access'],
  },
  {
    file: 'src/handlers/sasl-authenticate.ts',
    text: '  context.afterSent(() => connection.end())\n  return { errorCode, errorMessage',
    replacement: '  return { errorCode, errorMessage',
    about: 'A client tries passwords on one connection until one is right.',
    killedBy: ['security/sasl/clients'],
  },
  {
    file: 'src/handlers/describe-user-scram-credentials.ts',
    text: 'if (duplicates.has(user)) {',
    replacement: 'if (duplicates.size < 0) {',
    about: 'A user who was asked for twice is told of as if once.',
    killedBy: ['handlers/describe-user-scram-credentials'],
  },
]

export const ofMetadata: readonly Mutant[] = [
  {
    file: 'src/metadata/controller/token-commands.ts',
    text: 'return until(token, Math.min(token.maxTimestamp, after(wallNow, wanted)))',
    replacement: 'return until(token, after(wallNow, wanted))',
    about: 'A token is renewed beyond its longest life.',
    killedBy: ['controller/token-commands'],
  },
  {
    file: 'src/metadata/controller/token-commands.ts',
    text: 'owner === requester || renewers.includes(requester)',
    replacement: 'owner !== requester || renewers.includes(requester)',
    about: 'Whoever has seen a token keeps it alive.',
    killedBy: ['controller/token-commands'],
  },
  {
    file: 'src/metadata/controller/scram-commands.ts',
    text: "if (iterations < LEAST_ITERATIONS) return unacceptable('Too few iterations')",
    replacement: '',
    about: 'Passwords are kept in a form that is quickly guessed.',
    killedBy: ['metadata/controller/scram-commands'],
  },
]

export const ofServer: readonly Mutant[] = [
  {
    file: 'src/server/connection.ts',
    text: 'return Math.min(limit ?? maxRequestBytes, maxRequestBytes)',
    replacement: 'return Math.max(limit ?? 0, maxRequestBytes)',
    about: 'Who has yet to say who it is may have the broker hold 100 MiB.',
    killedBy: ['security/sasl/clients'],
  },
]
