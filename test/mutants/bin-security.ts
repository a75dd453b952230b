import type { Mutant } from './mutant.ts'

export const mutants: readonly Mutant[] = [
  {
    file: 'bin/client-security.ts',
    text: "const hasTls = said.endsWith('SSL') || tls === true || ca !== undefined || cert !== undefined",
    replacement: "const hasTls = said.endsWith('SSL')",
    about: 'Who says --tls-ca has his password sent in the clear.',
    killedBy: ['bin/client-security'],
  },
  {
    file: 'bin/client-security.ts',
    text: '.filter((name) => !USED.includes(name))',
    replacement: '.filter((name) => PLUG_INS.includes(name))',
    about: 'A setting of a client.properties file that does nothing is not told of.',
    killedBy: ['bin/client-security'],
  },
  {
    file: 'bin/client-security.ts',
    text: '  checksNames(view)\n',
    replacement: '',
    about:
      'How names of certificates are looked at is found wrong only when there is a connection.',
    killedBy: [],
    equivalent: 'The command has nothing to do but to connect: it tells the same a moment later.',
  },
  {
    file: 'bin/cluster/secure.ts',
    text: 'writeFileSync(`${unfinished}/${name}`, text, { mode: OWN_FILE })',
    replacement: 'writeFileSync(`${unfinished}/${name}`, text)',
    about: 'Everybody on the machine reads the passwords of a secured cluster.',
    killedBy: ['system/security-document'],
  },
  {
    file: 'src/local-cluster.ts',
    text: 'if (isSecured === (security !== undefined)) return',
    replacement: 'if (isSecured === (security !== undefined) || isSecured) return',
    about:
      'A secured cluster that is started by code speaks in the clear, with the records of before.',
    killedBy: ['system/security-document'],
  },
]
