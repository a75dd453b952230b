/** What a dump says, line by line, in a form in which the output of Apache's DumpLogSegments and ours can be compared. */
export type Facts = Readonly<Record<string, unknown>>

/** The lines of Apache's tool. Names are changed to ours; values to numbers, booleans and null. */
export function apacheFacts(output: string): Facts[] {
  return output.split('\n').flatMap((line): Facts[] => {
    if (line.startsWith('| ')) return [recordFacts(line)]
    // A preallocated index without entries is shown with one of zeros.
    if (/^(?:offset: \d+ position: 0|timestamp: 0 offset: \d+)$/.test(line)) return []
    if (/^Dumping|^Log starting|^Snapshot end|^KRaft bootstrap|is empty\.$|^$/.test(line)) return []
    return [plainFacts(line)]
  })
}

/** Our lines of JSON in the same form, cut down to what Apache's say: we show fields that a version lacks, it doesn't. */
export function ourFacts(output: string, theirs: readonly Facts[]): Facts[] {
  const flat = output
    .split('\n')
    .slice(0, -1)
    .flatMap((line): Facts[] => {
      const { records = [], ...rest } = parse(line) as Facts & { records?: Facts[] }
      return [rest, ...records.map(ourRecord)]
    })
  return flat.map((facts, index) => project(facts, theirs[index] ?? {}) as Facts)
}

const NAMES: Readonly<Record<string, string>> = { compresscodec: 'compression', isvalid: 'isValid' }

function plainFacts(line: string): Facts {
  const facts: Record<string, unknown> = {}
  for (const [, name, text] of line.matchAll(/(\w+): (\S+)/g)) {
    if (name === 'CreateTime' || name === 'LogAppendTime') {
      facts['timestampType'] = name
      facts['timestamp'] = valueOf(text!)
    } else {
      facts[NAMES[name!] ?? name!] = valueOf(text!)
    }
  }
  return facts
}

function valueOf(text: string): unknown {
  if (text === 'OptionalLong.empty') return null
  if (text === 'true' || text === 'false') return text === 'true'
  const number = /^(?:OptionalLong\[)?(-?\d+)\]?$/.exec(text)?.[1]
  return number === undefined ? text : Number(number)
}

const RECORD =
  /^\| offset: (\d+) \w+: (-?\d+) keySize: (-?\d+) valueSize: (-?\d+) sequence: (-?\d+) headerKeys: \[(.*?)\] ?(.*)$/

function recordFacts(line: string): Facts {
  const match = RECORD.exec(line)
  if (match === null) throw new Error(`Not understood: ${line}`)
  const [offset, timestamp, keySize, valueSize, sequence] = match.slice(1, 6).map(Number)
  const headerKeys = match[6] === '' ? [] : match[6]!.split(',')
  return { offset, timestamp, keySize, valueSize, sequence, headerKeys, ...contentFacts(match[7]!) }
}

/** What stands after a record's facts: key and payload, decoded or not, or what a control record means. */
function contentFacts(text: string): Facts {
  const marker = /^endTxnMarker: (\w+) coordinatorEpoch: (\d+)$/.exec(text)
  if (marker !== null) return { type: marker[1], value: { coordinatorEpoch: Number(marker[2]) } }
  const control =
    /^(?:LeaderChange|SnapshotHeader|SnapshotFooter|KRaftVersion|KRaftVoters):? (\{.*\})$/.exec(
      text,
    )
  if (control !== null) return { value: parse(control[1]!) }
  const pair = /^key: (\{"type":"\d+".*\}) payload: (.*)$/.exec(text)
  if (pair !== null) {
    const key = (parse(pair[1]!) as { data: unknown }).data
    if (!pair[2]!.startsWith('{')) return { key, value: null }
    const { version, data } = parse(pair[2]!) as { version: string; data: unknown }
    return { key, version: Number(version), value: data }
  }
  const metadata = /^payload: (\{"type":.*\})$/.exec(text)
  if (metadata !== null) {
    const { version, data } = parse(metadata[1]!) as { version: number; data: unknown }
    return { version, value: data }
  }
  const plain = /^(?:key: (.*?) )?payload: (.*)$/.exec(text)
  return plain === null ? {} : { ...(plain[1] !== undefined && { key: plain[1] }), value: plain[2] }
}

/** Integers that JSON.parse would round stay text. */
function parse(json: string): unknown {
  return JSON.parse(json.replace(/(?<=[:[,])(-?\d{17,})(?=[,\]}])/g, '"$1"'))
}

/** Bytes that are no text are base64 with us; Apache's tool prints them as if they were text. */
function ourRecord({ headers, ...facts }: Facts): Facts {
  const asText = (name: 'key' | 'value'): Facts =>
    facts[`${name}Format`] === 'base64'
      ? { [name]: Buffer.from(String(facts[name]), 'base64').toString() }
      : {}
  const headerKeys = (headers as { key: string }[]).map(({ key }) => key)
  return { ...facts, ...asText('key'), ...asText('value'), headerKeys }
}

/** The part of a value that another one has, too. */
function project(value: unknown, like: unknown): unknown {
  if (Array.isArray(value) && Array.isArray(like)) {
    return value.map((item, index) => project(item, like[index]))
  }
  const isObject = (one: unknown): one is Facts => typeof one === 'object' && one !== null
  if (!isObject(value) || !isObject(like)) return value
  return Object.fromEntries(
    Object.keys(like).map((name) => [name, project(value[name], like[name])]),
  )
}
