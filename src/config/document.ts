import { singleNodeDefaults } from './layers.ts'
import { brokerAreas, clientMetricsSettings, groupSettings, topicSettings } from './registry.ts'
import {
  DAY_MS,
  GiB,
  HOUR_MS,
  KiB,
  LONG_MAX,
  MiB,
  MINUTE_MS,
  SECOND_MS,
  defaultOf,
  type Setting,
  type Settings,
} from './setting.ts'

/** The text of docs/configuration.md: how settings are given, and what each of them is. */
export function configurationDocument(): string {
  const brokers = Object.entries(brokerAreas as Record<string, Settings>)
  return [
    introduction(),
    '## Broker settings\n',
    ...brokers.map(([area, settings]) => `### ${area}\n\n${table(settings, topicsOf)}`),
    '## Topic settings\n',
    'What a topic does not set, it takes from the broker.\n',
    table(topicSettings, brokersOf),
    '## Group settings\n',
    'What a group does not set, it takes from the broker.\n',
    table(groupSettings, brokersOf),
    '## Subscriptions to metrics of clients\n',
    table(clientMetricsSettings, () => ''),
  ].join('\n')
}

function introduction(): string {
  const all = [brokerAreas, { topicSettings, groupSettings, clientMetricsSettings }].flatMap(
    (areas) => Object.values(areas as Record<string, Settings>).flatMap(Object.values<Setting>),
  )
  const added = Object.keys(brokerAreas["Ottla's own"]).length
  const acted = all.filter(({ use }) => use === 'acted').length - added
  const defaults = Object.entries(singleNodeDefaults).map(([name, value]) => `${name}=${value}`)
  return `<!-- Made from src/config by UPDATE_DOCS=1 npx jest config/document. Don't edit. -->
# Configuration

Ottla knows all ${all.length - added} settings of Apache Kafka 4.4.0, by their names there. It acts on ${acted} of them; the others are
checked, stored and described, and change nothing. The last column of the tables says which. What Kafka has no setting for
begins with \`ottla.\` (${added}).

## Where settings come from

The strongest first:

1. A topic's or group's own, set by \`kafka-configs\` or \`ottla configs\`.
2. Dynamic settings of one broker, then those of all brokers.
3. The command line: \`--set name=value\`.
4. Environment variables as in the Apache image: \`KAFKA_LOG_SEGMENT_BYTES\` is \`log.segment.bytes\`; two underscores stand
   for one, three for a hyphen. Without \`KAFKA_LISTENERS\`, it is made of \`KAFKA_ADVERTISED_LISTENERS\` with hosts
   replaced by 0.0.0.0. \`CLUSTER_ID\` is the id of a new cluster.
5. A properties file: \`--config server.properties\`.
6. Defaults.

A wrong value stops the start with a message that names it. An unknown name does so on the command line; in the file and
the environment it is logged. The authorizer's \`super.users\` and \`allow.everyone.if.no.acl.found\` are taken, though they are
no settings of Kafka's table ([acls.md](acls.md)); other names that Kafka's plug-ins read
(\`listener.name.NAME.MECHANISM...\`, \`metrics.context...\`) are known, and do nothing yet.

What would protect something and isn't here stops the start, too, rather than being ignored: other authorizers, policies
for topics and settings, providers of values, mechanisms of SASL other than PLAIN and SCRAM, TLS and SASL between brokers and controllers.

A setting may be given for one listener with the prefix \`listener.name.NAME.\`, the name in small letters.

Without a file, and unless \`process.roles\` or a quorum is set, a node is a cluster of its own:

\`\`\`properties
${defaults.join('\n')}
\`\`\`

Data is thus kept in \`data\` below the working directory. Listeners speak PLAINTEXT, or SSL, SASL_PLAINTEXT and SASL_SSL to clients.
`
}

const HEAD =
  '| Setting | Type | Default | Valid | Changes at run time | Acted upon |\n| --- | --- | --- | --- | --- | --- |\n'
const MODES = { cluster: 'for all or one broker', broker: 'for one broker' }

function table(settings: Settings, related: (name: string, setting: Setting) => string): string {
  const rows = Object.entries(settings)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, setting]) => {
      const also = related(name, setting)
      const description = `\`${name}\`<br>${escape(setting.doc)}${also}`
      const internal = setting.internal ? ' (internal)' : ''
      const changes = isOfBroker(setting) ? modeOf(setting) : 'yes'
      const cells = [description + internal, setting.type.toLowerCase(), defaultText(name, setting)]
      const acted = setting.use === 'acted' ? 'yes' : 'stored only'
      return `| ${[...cells, validText(setting), changes, acted].join(' | ')} |\n`
    })
  return HEAD + rows.join('')
}

const ofBroker = new Set<Setting>(
  Object.values(brokerAreas as Record<string, Settings>).flatMap(Object.values<Setting>),
)
const isOfBroker = (setting: Setting) => ofBroker.has(setting)
const modeOf = ({ dynamic }: Setting) => (dynamic ? MODES[dynamic] : 'no')
const escape = (text: string) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;')

/** Names the topic's settings that fall back to a broker's. */
function topicsOf(name: string): string {
  const inheriting = (settings: Settings) =>
    Object.entries(settings)
      .filter(([, { synonyms }]) => synonyms && name in synonyms)
      .map(([own]) => `\`${own}\``)
  const topics = inheriting(topicSettings)
  const groups = inheriting(groupSettings)
  if (topics.length > 0) return ` A topic's own: ${topics.join(', ')}.`
  return groups.length > 0 ? ` A group's own: ${groups.join(', ')}.` : ''
}

function brokersOf(_name: string, { synonyms }: Setting): string {
  const names = Object.keys(synonyms ?? {}).map((name) => `\`${name}\``)
  return names.length === 0 ? '' : ` From the broker: ${names.join(', ')}.`
}

function defaultText(name: string, setting: Setting): string {
  if (setting.required) return 'required'
  const { value, text } = defaultOf(setting)
  if (text === null) return 'none'
  if (text === '') return 'empty'
  const readable = typeof value === 'number' ? readableNumber(name, value) : null
  const broken = text.replaceAll(',', ', ')
  return `\`${broken}\`${readable === null ? '' : ` (${readable})`}`
}

const TIMES: readonly (readonly [number, string])[] = [
  [DAY_MS, 'd'],
  [HOUR_MS, 'h'],
  [MINUTE_MS, 'min'],
  [SECOND_MS, 's'],
]
const SIZES: readonly (readonly [number, string])[] = [
  [GiB, 'GiB'],
  [MiB, 'MiB'],
  [KiB, 'KiB'],
]

/** A duration or size in the largest unit that divides it; null where that says nothing new. */
function readableNumber(name: string, value: number): string | null {
  if (value === LONG_MAX || value === Number.MAX_VALUE) return 'without limit'
  const units = /\.(ms|millis)$/.test(name) ? TIMES : /bytes|size/.test(name) ? SIZES : []
  const unit = units.find(([size]) => value >= size && value % size === 0)
  return unit ? `${value / unit[0]} ${unit[1]}` : null
}

function validText({ min, max, or, oneOf, notEmpty, form }: Setting): string {
  if (form !== undefined) return escape(form)
  if (oneOf) return oneOf.map((value) => `\`${value}\``).join(', ')
  const also = or === undefined ? '' : `, or ${or}`
  if (min !== undefined) return max === undefined ? `from ${min}` : `${min} to ${max}${also}`
  return notEmpty ? 'not empty' : ''
}
