import type { Mutant } from './mutant.ts'

export const mutants: readonly Mutant[] = [
  {
    file: 'src/security/client-address.ts',
    text: "if (isMapped) return bytes.subarray(12).join('.')",
    replacement: '',
    about: "ACLs of an IPv4 address don't find a client that comes by IPv6.",
    killedBy: ['security/client-address'],
  },
  {
    file: 'src/security/client-address.ts',
    text: "text.split('%')[0]!",
    replacement: 'text',
    about: 'A client with a link-local address has none for the controller.',
    killedBy: ['security/client-address'],
  },
  {
    file: 'src/security/principal-data.ts',
    text: 'bytes.readInt16BE(0) !== VERSION',
    replacement: 'bytes.readInt16BE(0) < VERSION',
    about: 'A principal of a form that nobody knows is read as if it were known.',
    killedBy: ['security/principal-data'],
  },
]
