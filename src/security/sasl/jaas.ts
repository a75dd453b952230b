/** One login module of a JAAS configuration. */
export interface JaasEntry {
  /** The name of its Java class. */
  readonly module: string
  readonly options: ReadonlyMap<string, string>
}

const FLAGS = ['required', 'requisite', 'sufficient', 'optional']
/** White space and comments; a quoted text; one of the signs; a word. */
const TOKENS =
  /\s+|\/\/[^\n]*|\/\*[^]*?\*\/|"((?:\\[^]|[^"\\])*)"|'((?:\\[^]|[^'\\])*)'|([=;])|([^\s=;"']+)/y

/**
 * Reads a JAAS configuration in the form that Kafka's settings have it: `module flag key="value" ... ;`, once.
 * @throws SyntaxError that says what is wrong, and nothing of what stands there: passwords do
 */
export function parseJaas(text: string): JaasEntry {
  const tokens = tokensOf(text)
  let at = 0
  const next = (what: string): string => tokens[at++] ?? wrong(`it ends where ${what} should be`)
  const module = next('the login module')
  if (!FLAGS.includes(next('its flag').toLowerCase())) wrong(`${module} has no flag as "required"`)
  const options = new Map<string, string>()
  for (let name = next('a semicolon'); name !== ';'; name = next('a semicolon')) {
    if (next('an equals sign') !== '=') wrong('an option has no equals sign')
    options.set(name, next('the value of an option'))
  }
  if (at < tokens.length) wrong('it has more than one login module')
  return { module, options }
}

function tokensOf(text: string): string[] {
  const tokens: string[] = []
  for (TOKENS.lastIndex = 0; TOKENS.lastIndex < text.length;) {
    const found = TOKENS.exec(text)
    if (found === null) wrong('a quotation mark is not closed')
    const quoted = found[1] ?? found[2]
    const token = quoted === undefined ? (found[3] ?? found[4]) : unescaped(quoted)
    if (token !== undefined) tokens.push(token)
  }
  return tokens
}

const unescaped = (text: string): string => text.replace(/\\([^])/g, '$1')

function wrong(why: string): never {
  throw new SyntaxError(why)
}
