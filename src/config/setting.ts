/**
 * The declaration language of settings. One declaration holds everything that is known about a setting: its type, default,
 * valid values, whether and where it can be changed at run time, what Ottla does with it, and its documentation. Parsers,
 * error messages, DescribeConfigs rows and docs/configuration.md follow from it.
 */

/** Kafka's types of settings, by their names in ConfigDef. */
export type SettingType =
  'BOOLEAN' | 'STRING' | 'INT' | 'SHORT' | 'LONG' | 'DOUBLE' | 'LIST' | 'CLASS' | 'PASSWORD'

/**
 * `acted`: Ottla's behaviour follows the setting. `stored`: it is known, checked, stored and described as in Apache Kafka,
 * but changes nothing.
 */
export type Use = 'acted' | 'stored'

/** What every declaration may say. */
interface Common {
  readonly use: Use
  /** One short sentence or two. */
  readonly doc: string
  /** At run time it can be changed for the whole `cluster` (and for one broker), or only for one `broker`. */
  readonly dynamic?: 'cluster' | 'broker'
  /** Not described to clients unless it was set. */
  readonly internal?: true
  /** Exists only as a dynamic setting of brokers, never in the file. */
  readonly onlyDynamic?: true
  /** Has no default: a node can't start without it. */
  readonly required?: true
  /**
   * Of a topic's or group's setting: the broker's settings it falls back to, the most specific first, each with the factor
   * between the units.
   */
  readonly synonyms?: Readonly<Record<string, number>>
}

/** Restrictions on values, as data, so that messages and documents can be made of them. */
export interface Valid {
  readonly min?: number
  readonly max?: number
  /** A value outside of the range that is valid too. */
  readonly or?: number
  readonly oneOf?: readonly string[]
  readonly ignoreCase?: true
  /** A string or a list must not be empty. */
  readonly notEmpty?: true
  /**
   * A restriction that the others can't say. Returns what is wrong; a `whole` message stands alone, a `reason` follows
   * Kafka's usual introduction.
   */
  readonly check?: (name: string, value: never) => Complaint | null
  /** How `check` reads in a document. */
  readonly form?: string
}

export type Complaint = { readonly whole: string } | { readonly reason: string }

/** A declared setting whose values, once parsed, are of the type `Value`. */
export interface Setting<Value = unknown> extends Common, Valid {
  readonly type: SettingType
  /** Null where there is none. */
  readonly default: Value
}

export type ValueOf<S> = S extends Setting<infer Value> ? Value : never

/** A folder of declarations by name. */
export type Settings = Readonly<Record<string, Setting>>

export const KiB = 1024
export const MiB = 1024 * KiB
export const GiB = 1024 * MiB
export const SECOND_MS = 1000
export const MINUTE_MS = 60 * SECOND_MS
export const HOUR_MS = 60 * MINUTE_MS
export const DAY_MS = 24 * HOUR_MS

export const INT_MAX = 2 ** 31 - 1
/** Stands for Java's Long.MAX_VALUE, which no number can hold exactly and which means "without limit". */
export const LONG_MAX = Infinity
const LONG_MAX_TEXT = '9223372036854775807'

/** `null` as a default makes null a possible value. */
type Nullable<Options, Value> = Options extends { readonly default: null } ? Value | null : Value
type OneOf<Options> = Options extends { readonly oneOf: readonly (infer Value)[] } ? Value : string

interface Of<Default> extends Common {
  readonly default?: Default | null
}
type Numeric = Of<number> & Pick<Valid, 'min' | 'max' | 'or'>
type Textual = Of<string> & Pick<Valid, 'oneOf' | 'ignoreCase' | 'notEmpty' | 'check' | 'form'>
type Listed = Of<readonly string[]> & Pick<Valid, 'oneOf' | 'notEmpty' | 'check' | 'form'>

function declare<Value>(type: SettingType, options: Of<unknown> & Valid): Setting<Value> {
  return { type, ...options, default: (options.default ?? null) as Value }
}

export const boolean = <const O extends Of<boolean>>(options: O) =>
  declare<Nullable<O, boolean>>('BOOLEAN', options)
export const string = <const O extends Textual>(options: O) =>
  declare<Nullable<O, OneOf<O>>>('STRING', options)
export const int = <const O extends Numeric>(options: O) =>
  declare<Nullable<O, number>>('INT', options)
export const short = <const O extends Numeric>(options: O) =>
  declare<Nullable<O, number>>('SHORT', options)
/** Values beyond 2^53 lose digits as numbers; their text keeps them. */
export const long = <const O extends Numeric>(options: O) =>
  declare<Nullable<O, number>>('LONG', options)
export const double = <const O extends Numeric>(options: O) =>
  declare<Nullable<O, number>>('DOUBLE', options)
export const list = <const O extends Listed>(options: O) =>
  declare<Nullable<O, readonly OneOf<O>[]>>('LIST', options)
/** The name of a Java class. Ottla has none: only names of what it has built in mean something. */
export const javaClass = <const O extends Of<string>>(options: O) =>
  declare<Nullable<O, string>>('CLASS', options)
/** A secret: its value is never described or logged. */
export const password = <const O extends Of<string>>(options: O) =>
  declare<Nullable<O, string>>('PASSWORD', options)

/** A setting of a topic or group that takes everything from the broker's setting that it falls back to. */
export function inherit<S extends Settings, Name extends keyof S & string>(
  settings: S,
  name: Name,
  changes?: Partial<Common>,
): Setting<ValueOf<S[Name]>> {
  const inherited: Record<string, unknown> = {
    ...settings[name]!,
    synonyms: { [name]: 1 },
    ...changes,
  }
  delete inherited['dynamic']
  return inherited as unknown as Setting<ValueOf<S[Name]>>
}

/** A value as it is used, and in the form in which it is shown to clients and stored. */
export interface Parsed {
  readonly value: unknown
  readonly text: string | null
}

export type ParseResult = ({ readonly ok: true } & Parsed) | { readonly ok: false; message: string }

/**
 * Parses and checks a value as Kafka's ConfigDef does.
 * @returns the value, or Kafka's own message about what is wrong with it.
 */
export function parseSetting(name: string, setting: Setting, raw: string): ParseResult {
  const trimmed = trim(raw)
  const parsed = withoutDuplicates(setting, parsers[setting.type](trimmed))
  if (typeof parsed === 'string') return { ok: false, message: invalid(name, raw, parsed) }
  const complaint = validate(name, setting, parsed)
  if (complaint === null) return { ok: true, ...parsed }
  return { ok: false, message: 'whole' in complaint ? complaint.whole : complaint.reason }
}

/** Kafka takes duplicates out of a list, unless a validator of its own looks at it. */
function withoutDuplicates(setting: Setting, parsed: Parsed | string): Parsed | string {
  if (setting.type !== 'LIST' || setting.check || typeof parsed === 'string') return parsed
  const value = [...new Set(parsed.value as readonly string[])]
  return { value, text: value.join(',') }
}

/** The default in both forms. */
export function defaultOf(setting: Setting): Parsed {
  return { value: setting.default, text: textOf(setting.type, setting.default) }
}

/** A value as Kafka shows it to clients. */
export function textOf(type: SettingType, value: unknown): string | null {
  if (value === null) return null
  if (type === 'LIST') return (value as readonly string[]).join(',')
  if (type === 'DOUBLE') return javaDouble(value as number)
  if (value === LONG_MAX && type === 'LONG') return LONG_MAX_TEXT
  return String(value)
}

/** Java's String.trim: takes off everything up to the blank. */
function trim(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && text.charCodeAt(start) <= 32) start++
  while (end > start && text.charCodeAt(end - 1) <= 32) end--
  return text.slice(start, end)
}

const invalid = (name: string, value: string | null, reason: string) =>
  `Invalid value ${value} for configuration ${name}: ${reason}`

/** Each gives the value in both forms, or what is wrong. */
const parsers: Record<SettingType, (text: string) => Parsed | string> = {
  BOOLEAN: (text) => {
    const lower = text.toLowerCase()
    if (lower !== 'true' && lower !== 'false') return 'Expected value to be either true or false'
    return { value: lower === 'true', text: lower }
  },
  STRING: (text) => ({ value: text, text }),
  INT: (text) => integer(text, 31, 'INT'),
  SHORT: (text) => integer(text, 15, 'SHORT'),
  LONG: (text) => integer(text, 63, 'LONG'),
  DOUBLE: (text) => {
    const number = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?[dDfF]?$/.test(text)
    const special = /^[+-]?(NaN|Infinity)$/.test(text)
    if (!number && !special) return 'Not a number of type DOUBLE'
    const value = Number(number ? text.replace(/[dDfF]$/, '') : text.replace('NaN', 'x'))
    return { value, text: javaDouble(value) }
  },
  LIST: (text) => {
    const value = text === '' ? [] : text.split(/\s*,\s*/)
    return { value, text: value.join(',') }
  },
  CLASS: (text) => ({ value: text, text }),
  PASSWORD: (text) => ({ value: text, text }),
}

function integer(text: string, bits: number, type: string): Parsed | string {
  if (!/^[+-]?0*\d{1,19}$/.test(text)) return `Not a number of type ${type}`
  const exact = BigInt(text.replace(/^\+/, ''))
  const limit = 1n << BigInt(bits)
  if (exact >= limit || exact < -limit) return `Not a number of type ${type}`
  const shown = exact.toString()
  return { value: shown === LONG_MAX_TEXT ? LONG_MAX : Number(exact), text: shown }
}

function validate(name: string, setting: Setting, { value, text }: Parsed): Complaint | null {
  const complain = (reason: string, shown = text) => ({ reason: invalid(name, shown, reason) })
  if (setting.check) {
    const complaint = (setting.check as (name: string, value: unknown) => Complaint | null)(
      name,
      value,
    )
    if (complaint === null || 'whole' in complaint) return complaint
    return complain(complaint.reason, shownByJava(value))
  }
  if (setting.type === 'LIST') return validateList(name, setting, value as readonly string[])
  if (typeof value === 'number') return validateNumber(setting, value, complain)
  if (typeof value !== 'string') return null
  if (setting.notEmpty && value === '') return complain('String must be non-empty')
  if (!setting.oneOf) return null
  if (setting.ignoreCase) {
    if (setting.oneOf.includes(value.toUpperCase())) return null
    return complain(`String must be one of (case insensitive): ${setting.oneOf.join(', ')}`)
  }
  if (setting.oneOf.includes(value)) return null
  return complain(`String must be one of: ${setting.oneOf.join(', ')}`)
}

const shownByJava = (value: unknown) =>
  Array.isArray(value) ? `[${value.join(', ')}]` : String(value)

function validateNumber(
  { min, max, or }: Setting,
  value: number,
  complain: (reason: string) => Complaint,
): Complaint | null {
  if (or !== undefined) {
    if (value === or || (value >= min! && value <= max!)) return null
    return complain(`Value must be between ${min} and ${max} or equal to ${or}`)
  }
  if (min !== undefined && value < min) return complain(`Value must be at least ${min}`)
  if (max !== undefined && value > max) return complain(`Value must be no more than ${max}`)
  return null
}

function validateList(name: string, { oneOf, notEmpty }: Setting, values: readonly string[]) {
  if (notEmpty && values.length === 0) {
    const valid = oneOf ? `[${oneOf.join(', ')}]` : 'any non-empty value'
    const whole = `Configuration '${name}' must not be empty. Valid values include: ${valid}`
    return { whole }
  }
  for (const value of values) {
    if (value === '') return { whole: `Configuration '${name}' values must not be empty.` }
    if (oneOf && !oneOf.includes(value)) {
      return { reason: invalid(name, value, `String must be one of: ${oneOf.join(', ')}`) }
    }
  }
  return null
}

/** Java's Double.toString. */
export function javaDouble(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0'
  const magnitude = Math.abs(value)
  if (magnitude >= 1e-3 && magnitude < 1e7) {
    return Number.isInteger(value) ? `${value}.0` : String(value)
  }
  const [digits, exponent] = value.toExponential().split('e') as [string, string]
  return `${digits.includes('.') ? digits : `${digits}.0`}E${Number(exponent)}`
}
