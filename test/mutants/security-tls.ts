import type { Mutant } from './mutant.ts'

export const ofHost: readonly Mutant[] = [
  {
    file: 'src/host/tls.ts',
    text: '    if (wrong) throw wrong\n',
    replacement: '',
    about: 'Whoever makes a certificate for himself is who it says.',
    killedBy: ['security/tls/clients'],
  },
  {
    file: 'src/host/tls.ts',
    text: "rejectUnauthorized: context.clientAuth === 'required'",
    replacement: 'rejectUnauthorized: false',
    about: 'ssl.client.auth=required lets those in who show nothing.',
    killedBy: ['security/tls/clients'],
  },
  {
    file: 'src/host/tls.ts',
    text: 'minVersion: sorted[0]!,\n      maxVersion: sorted.at(-1)!,',
    replacement: '',
    about: 'ssl.enabled.protocols excludes no version.',
    killedBy: ['security/tls/clients'],
  },
]

export const mutants: readonly Mutant[] = [
  {
    file: 'src/security/tls/followed-context.ts',
    text: '    config.onFilesReplaced(() => this.#reload())\n',
    replacement: '',
    about:
      'A certificate that was renewed in its file is not shown before the broker starts again.',
    killedBy: ['security/tls/clients'],
  },
  {
    file: 'src/security/tls/followed-context.ts',
    text: '        if (isSame(loaded.material, this.#loaded.material)) return\n',
    replacement: '',
    about: 'Each setting that is written is told in the log as new certificates.',
    killedBy: ['security/tls/clients'],
  },
  {
    file: 'src/security/tls/distinguished-name.ts',
    text: "text.replace(/[,=+<>#;\"\\\\]/g, '\\\\$&')",
    replacement: 'text',
    about: 'A comma in a name makes a client somebody else.',
    killedBy: ['security/tls/distinguished-name'],
  },
  {
    file: 'src/security/tls/distinguished-name.ts',
    text: 'if (length > limit - begin) throw',
    replacement: 'if (length > bytes.length) throw',
    about: 'A length in a certificate goes beyond what it is a part of.',
    killedBy: ['security/tls/distinguished-name'],
  },
  {
    file: 'src/security/tls/distinguished-name.ts',
    text: '    .reverse()\n',
    replacement: '',
    about: 'ACLs for the names of certificates, as Java has them, are nobody’s.',
    killedBy: ['security/tls/distinguished-name', 'security/tls/clients'],
  },
  {
    file: 'src/security/tls/principal-mapping.ts',
    text: 'if (!fits.test(name)) return null',
    replacement: 'if (name.search(parts) < 0) return null',
    about: 'A rule counts that fits only a part of a name.',
    killedBy: ['security/tls/principal-mapping'],
  },
  {
    file: 'src/security/tls/material.ts',
    text: "if (key.includes('ENCRYPTED') && passphrase === null) {",
    replacement: 'if (passphrase === null && passphrase !== null) {',
    about:
      'An encrypted key without password is refused in words of OpenSSL that say nothing of a password.',
    killedBy: ['security/tls/material'],
  },
  {
    file: 'src/security/tls/followed-context.ts',
    text: 'if ([...changed].some(concerns)) this.#reload()',
    replacement: '',
    about: 'A trust store that is changed at run time still trusts whom it no longer has.',
    killedBy: ['security/tls/clients'],
  },
]

export const outgoing: readonly Mutant[] = [
  {
    file: 'src/security/outgoing.ts',
    text: 'checksNames(view) ? address.host : null',
    replacement: 'null',
    about: 'Whoever has a certificate of the same authority is taken for any node.',
    killedBy: ['security/outgoing'],
  },
  {
    file: 'src/security/outgoing.ts',
    text: "if (algorithm === '') return false",
    replacement: '',
    about: 'Names are looked at though ssl.endpoint.identification.algorithm says not to.',
    killedBy: ['security/outgoing'],
  },
  {
    file: 'src/security/sasl/login.ts',
    text: "if (this.#client.isProved(challenge)) return null\n    throw new Error('it has not shown that it knows the user')",
    replacement: 'return null',
    about: 'A node says all to whoever claims that its password is right.',
    killedBy: ['security/outgoing'],
  },
  {
    file: 'src/security/listener-security.ts',
    text: "mechanism.startsWith('SCRAM-') && isOneOfSeveral",
    replacement: "mechanism === '' && isOneOfSeveral",
    about:
      'Controllers that are told to use SCRAM wait for each other for ever, and nobody says why.',
    killedBy: ['security/outgoing'],
  },
]

export const ofPeer: readonly Mutant[] = [
  {
    file: 'src/peer/connection.ts',
    text: 'if (login !== null) await connection.#authenticate(login)',
    replacement: '',
    about: 'Nodes are let in nowhere that asks who they are.',
    killedBy: ['security/outgoing'],
  },
  {
    file: 'src/peer/connection.ts',
    text: 'const usedMs = Math.min(lifetimeMs * SESSION_SHARE, LONGEST_TIMER_MS)',
    replacement: 'const usedMs = LONGEST_TIMER_MS',
    about: 'What a node asks when its session has ended is lost.',
    killedBy: ['security/outgoing'],
  },
  {
    file: 'src/peer/tls-failure.ts',
    text: "CERT_HAS_EXPIRED: 'it has expired',",
    replacement: '',
    about: 'A certificate that has expired is told of in words of OpenSSL.',
    killedBy: ['security/outgoing'],
  },
]

export const ofServer: readonly Mutant[] = [
  {
    file: 'src/server/handshakes.ts',
    text: '      isLate = true\n      socket.destroy()\n',
    replacement: '      isLate = true\n',
    about: 'Handshakes that never end take up sockets until the process has no more.',
    killedBy: ['server/handshakes'],
  },
  {
    file: 'src/server/handshakes.ts',
    text: '        client.socket.destroy()\n        failed()\n',
    replacement: '        failed()\n',
    about: 'A client whose handshake ends while the server stops is left hanging.',
    killedBy: ['server/handshakes'],
  },
  {
    file: 'src/server/server.ts',
    text: 'failed: () => this.#forgetAddress(socket.remoteAddress),',
    replacement: 'failed: () => undefined,',
    about: 'Handshakes that failed count for max.connections.per.ip for ever.',
    killedBy: ['server/server'],
  },
]
