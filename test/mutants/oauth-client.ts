import type { Mutant } from './mutant.ts'

const client = 'src/security/sasl/oauth/client.ts'
const sources = 'src/security/sasl/oauth/token-sources.ts'
const command = ['bin/client-oauth']
const unit = ['security/sasl/oauth/client.test']

export const ofSecurity: readonly Mutant[] = [
  {
    file: client,
    text: 'if (held !== null && this.#clock.now() < held.refreshAtMs) return held',
    replacement: 'if (held !== null) return held',
    about: 'A command that runs for long logs in no more once its first token is over.',
    killedBy: unit,
  },
  {
    file: client,
    text: 'if (this.#isRefused) return',
    replacement: 'if (false) return',
    about: 'A server that has refused a token may say that it has not.',
    killedBy: unit,
  },
  {
    file: client,
    text: `.finally(() => {
      this.#asking = null
    })`,
    replacement: '',
    about: 'An identity provider that was away once is not asked again.',
    killedBy: unit,
  },
  {
    file: client,
    text: 'if (held !== null && this.#clock.now() < held.expiresAtMs) return held',
    replacement: '',
    about: 'A token that is good for a while is thrown away because its provider is away.',
    killedBy: unit,
  },
  {
    file: client,
    text: '/^[\\w-]+\\.[\\w-]+\\.[\\w-]*$/.test(text) ? readToken(text) : null',
    replacement: 'readToken(text)',
    about: 'Who writes the file of a token says other things to the broker, too.',
    killedBy: command,
  },
  {
    file: sources,
    text: 'const name = origin + pathname',
    replacement: 'const name = url',
    about: 'A password in the address of an identity provider is printed.',
    killedBy: command,
  },
  {
    file: sources,
    text: 'if (!GIVEN.includes(answer.status)) {',
    replacement: 'if (false) {',
    about: 'Nobody learns why the identity provider gives no token.',
    killedBy: command,
  },
  {
    file: sources,
    text: "if (scope !== null) form.set('scope', scope)",
    replacement: '',
    about: 'A token is asked for without the scope that it should have.',
    killedBy: command,
  },
  {
    file: 'src/security/sasl/login.ts',
    text: "options.get('tokenauth')?.toLowerCase() === 'true'",
    replacement: 'false',
    about: 'Nobody is let in by a delegation token.',
    killedBy: command,
  },
  {
    file: 'src/security/outgoing.ts',
    text: 'if (!credentials.isToken) return credentials',
    replacement: 'return credentials',
    about: 'Nodes log in to each other until a token ends.',
    killedBy: ['security/outgoing'],
  },
  {
    file: client,
    text: 'this.#asking ??= this.#ask()',
    replacement: 'this.#asking = this.#ask()',
    about: 'Each of the connections of a command asks the identity provider for a token.',
    killedBy: unit,
  },
]

export const ofHost: readonly Mutant[] = [
  {
    file: 'src/host/http.ts',
    text: '...(tls === null ? {} : { secureContext: secureContextOf(tls) }),',
    replacement: '',
    about: 'An identity provider with an authority of its own is trusted by nobody.',
    killedBy: command,
  },
]

export const ofBin: readonly Mutant[] = [
  {
    file: 'bin/client-oauth.ts',
    text: 'if (handler !== HANDLER_CLASS) {',
    replacement: 'if (false) {',
    about: 'A plug-in that should log in is passed over in silence.',
    killedBy: command,
  },
  {
    file: 'bin/client-oauth.ts',
    text: 'if (assertion !== undefined) {',
    replacement: 'if (false) {',
    about: 'Who means to prove itself by a key sends its secret instead.',
    killedBy: command,
  },
]
