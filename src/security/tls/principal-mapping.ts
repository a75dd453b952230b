/** [ssl.principal.mapping.rules] What becomes of the name in a client's certificate. */
export interface PrincipalMapping {
  /** @returns null where no rule is for that name */
  nameOf(distinguishedName: string): string | null
}

const RULE = /(DEFAULT)|RULE:((?:\\.|[^\\/])*)\/((?:\\.|[^\\/])*)\/([LU]?).*?|(.*?)/.source
const SPLITTER = new RegExp(`\\s*(${RULE})\\s*(?:,\\s*|$)`, 'g')
const PARSER = new RegExp(`^(?:${RULE})`)

type Rule = (name: string) => string | null

/**
 * Reads rules as Kafka does: `DEFAULT`, and `RULE:pattern/replacement/` with an L or U behind it for small or capital
 * letters; the first whose pattern fits the whole name counts.
 * @throws SyntaxError where a rule is none, or its pattern isn't one here
 */
export function principalMapping(text: string): PrincipalMapping {
  const rules = [...text.trim().matchAll(SPLITTER)].flatMap(([, rule = '']) => ruleOf(rule) ?? [])
  return {
    nameOf: (name) => {
      for (const rule of rules) {
        const found = rule(name)
        if (found !== null) return found
      }
      return null
    },
  }
}

/** @returns null for an empty one, which Kafka leaves out */
function ruleOf(text: string): Rule | null {
  if (text === '') return null
  const [whole = '', isDefault, pattern, replacement = '', letters] = PARSER.exec(text) ?? []
  if (whole.length !== text.length) throw new SyntaxError(`Invalid rule: \`${text}\``)
  if (isDefault !== undefined) return (name) => name
  if (pattern === undefined) throw new SyntaxError(`Invalid rule: \`${text}\``)
  const fits = new RegExp(`^(?:${pattern})$`, 'u')
  const parts = new RegExp(pattern, 'gu')
  return (name) => {
    if (!fits.test(name)) return null
    const mapped = name.replace(parts, (...found: unknown[]) => replaced(replacement, found))
    if (letters === 'L') return mapped.toLowerCase()
    return letters === 'U' ? mapped.toUpperCase() : mapped
  }
}

/** Java's replacement: `$1` is a group, a backslash takes the next character as it is. */
function replaced(replacement: string, found: readonly unknown[]): string {
  const groups = found.slice(
    0,
    found.findIndex((one, at) => at > 0 && typeof one === 'number'),
  )
  return replacement.replace(/\\(.)|\$(\d+)/gs, (all, literal?: string, digits?: string) => {
    if (digits === undefined) return literal ?? all
    // As many digits as make the number of a group that there is.
    for (let length = digits.length; length > 0; length--) {
      const group = Number(digits.slice(0, length))
      if (group < groups.length) return String(groups[group] ?? '') + digits.slice(length)
    }
    return all
  })
}
