import type { Mutant } from './mutant.ts'

export const mutants: readonly Mutant[] = [
  {
    file: 'src/security/principal-data.ts',
    text: 'bytes.readInt16BE(0) !== VERSION',
    replacement: 'bytes.readInt16BE(0) < VERSION',
    about: 'A principal of a form that nobody knows is read as if it were known.',
    killedBy: ['security/principal-data'],
  },
  {
    file: 'src/security/acl-rules.ts',
    text: 'if (!allows) return operations\n',
    replacement: '',
    about: 'Who may not write to a topic may not see it either.',
    killedBy: ['security/acl-index'],
  },
  {
    file: 'src/security/acl-rules.ts',
    text: 'if (operation <= ALL || operation >= ACL_OPERATIONS.length) return 0\n',
    replacement: '',
    about: 'A rule about an operation of a later version opens another one.',
    killedBy: ['security/acl-index'],
  },
  {
    file: 'src/security/acl-index.ts',
    text: "if (rule.allows && typeof found === 'object') continue",
    replacement: "if (typeof found === 'object') continue",
    about: 'A rule that denies does not count behind one that allows.',
    killedBy: ['security/acl-index'],
  },
  {
    file: 'src/security/acl-index.ts',
    text: 'const all = name === WILDCARD ? undefined : ofType.literal.get(WILDCARD)',
    replacement: "const all = typeof found === 'object' ? undefined : ofType.literal.get(WILDCARD)",
    about: 'What is denied on all topics is allowed where a rule of a topic allows it.',
    killedBy: ['security/acl-index'],
  },
  {
    file: 'src/security/acl-index.ts',
    text: 'look(rules.get(principal)) || look(rules.get(ALL_USERS))',
    replacement: 'look(rules.get(principal))',
    about: 'Rules about all users are about nobody.',
    killedBy: ['security/acl-index'],
  },
  {
    file: 'src/security/acl-index.ts',
    text: 'if (deniedPrefixes.has(name.slice(0, length))) return false',
    replacement: 'if (deniedPrefixes.has(name)) return false',
    about: 'A producer gets an id though all topics that it may write to are denied.',
    killedBy: ['security/acl-index'],
  },
  {
    file: 'src/security/prefixes.ts',
    text: 'if (other.parent === node.parent) other.parent = node',
    replacement: 'if (other.parent === null) other.parent = node',
    about: 'A rule about a prefix is not found behind one about a longer prefix.',
    killedBy: ['security/acl-index'],
  },
  {
    file: 'src/security/prefixes.ts',
    text: 'if (other.parent === node) other.parent = node.parent',
    replacement: 'if (other.parent === node) other.parent = null',
    about: 'When a rule about a prefix is removed, one about a shorter prefix is found no longer.',
    killedBy: ['security/acl-index'],
  },
  {
    file: 'src/security/standard-authorizer.ts',
    text: 'for (const id of changedAcls) this.#index.set(id, aclOf(image, id))',
    replacement:
      'for (const id of changedAcls) if (aclOf(image, id)) this.#index.set(id, aclOf(image, id))',
    about: 'A rule that was removed counts until the next start.',
    killedBy: ['security/standard-authorizer'],
  },
  {
    file: 'src/security/standard-authorizer.ts',
    text: 'this.#principal !== principal',
    replacement: 'this.#principal === null',
    about: 'Everybody has the rights of the first who asked.',
    killedBy: ['security/standard-authorizer'],
  },
  {
    file: 'src/security/audit-log.ts',
    text: 'if (!isAllowed) return !isQuiet',
    replacement: 'if (!isAllowed) return true',
    about: 'A list without what may not be seen fills the log.',
    killedBy: ['security/standard-authorizer'],
  },
]
