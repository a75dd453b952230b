import type { Mutant } from './mutant.ts'

export const mutants: readonly Mutant[] = [
  {
    file: 'src/security/sasl/oauth/exchange.ts',
    text: "if (authorizationId !== '' && authorizationId !== name) {",
    replacement: 'if (authorizationId === name) {',
    about: 'A client that wants to act for somebody else than its token is for is let in.',
    killedBy: ['sasl/oauth/clients'],
  },
  {
    file: 'src/security/sasl/oauth/exchange.ts',
    text: 'if (this.#failure !== null) {',
    replacement: 'if (this.#failure !== null && bytes.length === 1) {',
    about: 'A client tries tokens on one connection until one is good.',
    killedBy: ['sasl/oauth/clients'],
  },
  {
    file: 'src/security/sasl/oauth/keys.ts',
    text: 'if (this.#fetching !== null || nowMs - this.#askedMs < LEAST_PAUSE_MS) return',
    replacement: 'if (this.#fetching !== null) return',
    about: 'Whoever makes up keys has the broker ask the identity provider without end.',
    killedBy: ['sasl/oauth/keys'],
  },
  {
    file: 'src/security/sasl/oauth/keys.ts',
    text: 'if (this.#keys === keys) this.#ask()',
    replacement: '',
    about: 'A new key of the identity provider is good after an hour only.',
    killedBy: ['sasl/oauth/keys'],
  },
  {
    file: 'src/security/sasl/oauth/keys.ts',
    text: 'const { origin, pathname } = new URL(options.url)',
    replacement: "const [origin, pathname] = [options.url, '']",
    about: 'The password in the address of the keys stands in the log.',
    killedBy: ['sasl/oauth/keys'],
  },
  {
    file: 'src/security/sasl/oauth/signed.ts',
    text: 'if (issuedAt < 0 || expires <= issuedAt) {',
    replacement: 'if (issuedAt < 0) {',
    about: 'A token is good that expires before it was issued.',
    killedBy: ['sasl/oauth/signed'],
  },
  {
    file: 'src/security/sasl/oauth/unsecured.ts',
    text: "|| token.signature !== ''",
    replacement: '',
    about: 'A signed token whose header was changed to none is taken as an unsigned one.',
    killedBy: ['sasl/oauth/unsecured'],
  },
  {
    file: 'src/security/sasl/oauth/open-validator.ts',
    text: 'if (handler !== SIGNED) {',
    replacement: 'if (handler === null) {',
    about: 'A plug-in that is to judge tokens is left out, and nobody says so.',
    killedBy: ['sasl/oauth/clients'],
  },
  {
    file: 'src/security/sasl/session.ts',
    text: 'const lifetimeMs = Math.max(0, mostMs > 0 ? Math.min(mostMs, leftMs) : leftMs)',
    replacement: 'const lifetimeMs = mostMs > 0 ? mostMs : Infinity',
    about: 'A session goes on when its token has expired.',
    killedBy: ['sasl/oauth/clients'],
  },
]

export const ofHost: readonly Mutant[] = [
  {
    file: 'src/host/web-tokens.ts',
    text: "requiredClaims: ['exp', 'iat'],",
    replacement: '',
    about: 'A token is good for ever.',
    killedBy: ['sasl/oauth/signed'],
  },
  {
    file: 'src/host/web-tokens.ts',
    text: '...(issuer === null ? {} : { issuer }),',
    replacement: '',
    about: 'Tokens are taken that the identity provider has made for another realm.',
    killedBy: ['sasl/oauth/signed'],
  },
  {
    file: 'src/host/web-tokens.ts',
    text: '...(audiences.length === 0 ? {} : { audience: [...audiences] }),',
    replacement: '',
    about: 'A token for another service lets its bearer in here.',
    killedBy: ['sasl/oauth/signed'],
  },
  {
    file: 'src/host/http.ts',
    text: 'if (bytes > maxBytes) return give(`the answer has more than ${maxBytes} bytes`)',
    replacement: '',
    about: 'An answer without end takes all memory.',
    killedBy: ['host/http'],
  },
  {
    file: 'src/host/http.ts',
    text: 'if (!isWanted(status)) return give(`the answer has status ${status}`)',
    replacement: '',
    about: 'The page of an error is taken for the document.',
    killedBy: ['host/http'],
  },
  {
    file: 'src/host/web-tokens.ts',
    text: 'if (error instanceof TypeError) unusable = error\n      else if',
    replacement: 'if',
    about: 'One short key among those of the identity provider, and good tokens are refused.',
    killedBy: ['sasl/oauth/signed'],
  },
]
