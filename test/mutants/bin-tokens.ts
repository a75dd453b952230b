import type { Mutant } from './mutant.ts'

const file = 'bin/commands/tokens.ts'
const killedBy = ['bin/tokens']

export const mutants: readonly Mutant[] = [
  {
    file,
    text: "...(showHmacs && { hmac: hmac.toString('base64') }),",
    replacement: "hmac: hmac.toString('base64'),",
    about: 'Whoever reads the output of a list is let in as the owners of the tokens.',
    killedBy,
  },
  {
    file,
    text: "return Buffer.from(text, 'base64')",
    replacement: 'return Buffer.from(text)',
    about: 'A token can be neither renewed nor ended.',
    killedBy,
  },
  {
    file,
    text: 'const expiryTimePeriodMs = options.in === undefined ? AT_ONCE : BigInt(options.in)',
    replacement:
      'const expiryTimePeriodMs = options.in === undefined ? 86_400_000n : BigInt(options.in)',
    about: 'A token that should be over is good for another day.',
    killedBy,
  },
  {
    file,
    text: 'maxLifetimeMs: maxLifetime === undefined ? BY_SETTINGS : BigInt(maxLifetime),',
    replacement: 'maxLifetimeMs: BY_SETTINGS,',
    about: 'A token may be renewed for longer than was said.',
    killedBy,
  },
  {
    file,
    text: 'if (durationMs > 0 && Number.isSafeInteger(durationMs)) return durationMs',
    replacement: 'return durationMs',
    about: 'A lifetime of nothing is one of a week.',
    killedBy,
  },
]
