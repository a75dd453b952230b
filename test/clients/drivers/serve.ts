import { createInterface } from 'node:readline'
import { type Commands, type TransactionCommands } from '../driver.ts'

type Functions<All extends { [Name in keyof All]: { ask: unknown; reply: unknown } }> = {
  [Name in keyof All]: (ask: All[Name]['ask']) => Promise<All[Name]['reply']>
}

/** The commands as functions. */
export type Actions = Functions<Commands> & Partial<Functions<TransactionCommands>>

const say = (line: object): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

export const tell = {
  assigned: (member: string, partitions: readonly number[]): void =>
    say({ event: 'assigned', member, partitions }),
  consumed: (member: string, count: number): void => say({ event: 'consumed', member, count }),
  acked: (stream: string, count: number): void => say({ event: 'acked', stream, count }),
}

/** Serves a driver's commands from standard input until that ends; then the process ends. */
export const serve = (actions: Actions): void => {
  const input = createInterface({ input: process.stdin, crlfDelay: Infinity })
  const run = async (line: string): Promise<void> => {
    const { id, do: name, ...ask } = JSON.parse(line) as { id: number; do: keyof Actions }
    try {
      say({ id, ...(await actions[name]!(ask as never)) })
    } catch (error) {
      console.error(error)
      say({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
    }
  }
  input.on('line', (line) => void run(line))
  input.on('close', () => process.exit(0))
}

/** The brokers' addresses, the driver's last argument. */
export const bootstrap = process.argv.at(-1)!.split(',')

/** Text of bytes that may be absent. */
export const text = (bytes: Buffer | string | null | undefined): string | null =>
  bytes == null ? null : bytes.toString()
