import { execFile } from 'node:child_process'
import { quickJava } from '../support/quick-java.ts'

/** The folder of Apache Kafka's jars, where there is one. */
const jars = process.env['OTTLA_KAFKA_JARS']

/** Skipped without Apache Kafka. */
export const apacheTest = jars === undefined ? test.skip : test

/** What one of Apache's tools prints, whatever becomes of it. @param name a class of org.apache.kafka.tools; @param args also -D... for Java */
export function apacheTool(name: string, ...args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    const isOfJava = (arg: string): boolean => arg.startsWith('-D')
    const java = [
      ...args.filter(isOfJava),
      ...[...quickJava(jars), `org.apache.kafka.tools.${name}`],
      ...args.filter((arg) => !isOfJava(arg)),
    ]
    execFile('java', java, (error, stdout, stderr) => resolve(error ? stdout + stderr : stdout))
  })
}
