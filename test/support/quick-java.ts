import { existsSync } from 'node:fs'
import { delimiter, resolve } from 'node:path'

/** For Java programs that do one thing: quick to start rather than fast, which takes a third less of the processor. */
const QUICK = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'] as const

/**
 * The archive of classes that .ci/prepare-clients makes beside a folder of Apache Kafka's jars (class data sharing): a
 * broker starts with half the processor's time, a tool with less. One that doesn't fit this Java or these jars is left
 * out by Java, which would say so on standard output, where the tests read what the tools print. One that isn't there must
 * not be named: Java then does without the archive of its own classes, too.
 */
function archiveOf(folder: string): readonly string[] {
  const archive = `${folder}.jsa`
  return existsSync(archive)
    ? ['-Xshare:auto', `-XX:SharedArchiveFile=${archive}`, '-Xlog:cds*=off']
    : []
}

/**
 * The options of a `java` that is quick to start and has the jars of a folder on its class path.
 * @param jars the folder, as OTTLA_KAFKA_JARS names it
 * @param others what else is on the class path, behind those jars: the archive needs them to be first
 */
export function quickJava(jars: string | undefined, ...others: readonly string[]): string[] {
  if (jars === undefined) throw new Error('no folder of Apache Kafka’s jars is named')
  const folder = resolve(jars)
  return [...QUICK, ...archiveOf(folder), '-cp', [`${folder}/*`, ...others].join(delimiter)]
}
