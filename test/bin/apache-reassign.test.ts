import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startCluster, type RunningCluster } from '../../src/index.ts'
import { describeWithApache, NEWEST } from '../interchange/apache.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { ottla } from './command.ts'
import { eventually } from '../clients/wait.ts'
import { quickJava } from '../support/quick-java.ts'

describeWithApache("Apache's tools for replicas and leaders, on three brokers of Ottla", () => {
  const directories = temporaryDirectories()
  let cluster: RunningCluster
  beforeAll(async () => {
    cluster = await startCluster({ settings: { 'auto.leader.rebalance.enable': false } })
  }, 120_000)
  afterAll(async () => {
    await cluster.close()
    directories.removeAll()
  }, 120_000)

  const run = (args: string) => ottla(args.split(' '), { bootstrap: cluster.bootstrap })
  /** Exit code, and all that was said. */
  const tool = (name: string, ...args: string[]) =>
    new Promise<{ code: unknown; text: string }>((resolve) => {
      const all = [...quickJava(NEWEST.jars), `org.apache.kafka.tools.${name}`]
      const bootstrap = ['--bootstrap-server', cluster.bootstrap]
      execFile('java', [...all, ...bootstrap, ...args], (error, stdout, stderr) =>
        resolve({ code: error?.code ?? 0, text: stdout + stderr }),
      )
    })
  const planFile = (partitions: readonly object[]): string => {
    const file = join(directories.make(), 'plan.json')
    writeFileSync(file, JSON.stringify({ version: 1, partitions }))
    return file
  }
  /** Tried again until it says so: brokers follow the metadata each by itself. */
  const says = async (what: string, ask: () => Promise<{ text: string }>): Promise<void> => {
    let text = ''
    const isSaid = async (): Promise<boolean> => (text = (await ask()).text).includes(what)
    await eventually(isSaid, () => `${what} in:\n${text}`)
  }

  test('kafka-reassign-partitions moves replicas, verifies that they have, and lists what is on its way', async () => {
    await run('topics create moved --assignment 1:2')
    const file = planFile([{ topic: 'moved', partition: 0, replicas: [3, 2] }])
    const reassign = (...args: string[]) => tool('reassign.ReassignPartitionsCommand', ...args)
    const executed = await reassign('--execute', '--reassignment-json-file', file)
    expect(executed).toMatchObject({
      code: 0,
      text: expect.stringContaining('Successfully started partition reassignment') as string,
    })
    await says('Reassignment of partition moved-0 is completed.', () =>
      reassign('--verify', '--reassignment-json-file', file),
    )
    expect((await reassign('--list')).text).toContain('No partition reassignments found.')
    const { stdout } = await run('topics describe moved --json')
    const [topic] = JSON.parse(stdout) as { partitions: { replicas: number[] }[] }[]
    expect(topic!.partitions[0]!.replicas).toEqual([3, 2])
    const cancelled = await reassign('--cancel', '--reassignment-json-file', file)
    expect(cancelled.text).toContain('None of the specified partition reassignments are active.')
  }, 240_000)

  test('kafka-leader-election gives the lead back to the first of the replicas', async () => {
    await run('topics create led --assignment 1:2')
    const file = planFile([{ topic: 'led', partition: 0, replicas: [2, 1] }])
    expect((await run(`reassign execute ${file} --wait`)).code).toBe(0)
    const one = ['--topic', 'led', '--partition', '0']
    const elect = () => tool('LeaderElectionCommand', '--election-type', 'preferred', ...one)
    // What is in sync with the first leader is not known before the second replica has fetched.
    await says('Successfully completed leader election (PREFERRED) for partitions led-0', elect)
    expect((await elect()).text).toContain('Valid replica already elected for partitions led-0')
  }, 240_000)
})
