import { execFile } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { groupBy } from '../../bin/client/index.ts'
import { ottla } from './command.ts'
import { apacheFacts, ourFacts } from './dump-facts.ts'
import { quickJava } from '../support/quick-java.ts'

/**
 * Holds `ottla log dump` against Apache's DumpLogSegments, for every file of a log directory that nobody writes to.
 * @returns how many lines were compared, by kind of file
 */
export async function compareDumps(dataDirectory: string): Promise<Record<string, number>> {
  const compared: Record<string, number> = {}
  for (const [decoder, paths] of filesOf(dataDirectory)) {
    const theirs = await apacheDump(paths, decoder === '' ? [] : [decoder])
    for (const path of paths) {
      const { stdout, code } = await ottla(['log', 'dump', '--json', path])
      expect({ path, code }).toEqual({ path, code: 0 })
      const facts = apacheFacts(theirs.get(path)!)
      expect({ path, facts: ourFacts(stdout, facts) }).toEqual({ path, facts })
      const kind = path.slice(path.lastIndexOf('.') + 1)
      if (facts.length > 0) compared[kind] = (compared[kind] ?? 0) + facts.length
    }
  }
  return compared
}

/** What Apache's DumpLogSegments prints of each file. */
async function apacheDump(
  paths: readonly string[],
  options: readonly string[],
): Promise<Map<string, string>> {
  const main = 'org.apache.kafka.tools.DumpLogSegments'
  const args = [
    ...quickJava(process.env['OTTLA_KAFKA_JARS']),
    main,
    '--print-data-log',
    ...options,
    '--files',
    paths.join(','),
  ]
  const { stdout } = await promisify(execFile)('java', args, { maxBuffer: 1 << 27 })
  const parts = stdout.split(/^Dumping (.*)$/m).slice(1)
  return new Map(paths.map((path) => [path, parts[parts.indexOf(path) + 1] ?? '']))
}

/** Files of each kind, by the decoder that Apache's tool needs to be told for them. */
function filesOf(dataDirectory: string): Map<string, string[]> {
  const decoders: Record<string, string> = {
    __cluster_metadata: '--cluster-metadata-decoder',
    __consumer_offsets: '--offsets-decoder',
    __transaction_state: '--transaction-log-decoder',
    __share_group_state: '--share-group-state-decoder',
  }
  const files = readdirSync(dataDirectory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => {
      const decoder = decoders[name.slice(0, name.lastIndexOf('-'))] ?? ''
      return readdirSync(join(dataDirectory, name))
        .filter((file) => /\.(?:log|index|timeindex|txnindex|snapshot|checkpoint)$/.test(file))
        .map((file) => ({ path: join(dataDirectory, name, file), decoder }))
        .filter(({ path }) => !path.endsWith('index') || hasRecords(path))
    })
  // Kafka 4.3 has it, later ones don't (KIP-1170).
  const bootstrap = join(dataDirectory, 'bootstrap.checkpoint')
  const all = existsSync(bootstrap)
    ? [...files, { path: bootstrap, decoder: decoders['__cluster_metadata']! }]
    : files
  return new Map(
    [...groupBy(all, ({ decoder }) => decoder)].map(([decoder, group]) => [
      decoder,
      group.map(({ path }) => path),
    ]),
  )
}

/** Apache's tool fails at the preallocated index of an empty segment. */
function hasRecords(indexPath: string): boolean {
  return statSync(indexPath.replace(/\.\w+$/, '.log')).size > 0
}
