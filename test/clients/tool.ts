import { type Driver } from './driver.ts'

/** One of Apache's tools, run to its end: what it printed; fails when it ends with another status than expected. */
export type Tool = (args: readonly string[], input?: string, status?: number) => Promise<string>

/** A tool by its class, run by the Java driver against a broker. */
export const toolOf =
  (driver: Driver, bootstrap: string, name: string): Tool =>
  async (args, input = '', status = 0) => {
    const all = ['--bootstrap-server', bootstrap, ...args]
    const ended = await driver.call('tool', { class: name, args: all, input })
    if (ended.status !== status)
      throw new Error(
        `${name} ${args.join(' ')} ended with ${ended.status}:\n${ended.output}${ended.errors}`,
      )
    return ended.output + ended.errors
  }

/** The offsets that kafka-get-offsets prints of a topic, by partition. */
export const offsetsOf = async (tool: Tool, topic: string, time: string): Promise<number[]> => {
  const printed = await tool(['--topic', topic, '--time', time])
  return [...printed.matchAll(/^(.+):(\d+):(\d+)$/gm)]
    .filter(([, name]) => name === topic)
    .toSorted((a, b) => Number(a[2]) - Number(b[2]))
    .map((found) => Number(found[3]))
}
