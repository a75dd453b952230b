import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startCluster, type RunningCluster } from '../../src/index.ts'
import { eventually } from '../clients/wait.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { ottla } from './command.ts'

const directories = temporaryDirectories()
let cluster: RunningCluster
beforeAll(async () => {
  // What is moved elsewhere must not come back by itself while a test looks at it.
  cluster = await startCluster({ settings: { 'auto.leader.rebalance.enable': false } })
}, 60_000)
afterAll(async () => {
  await cluster.close()
  directories.removeAll()
}, 60_000)

const run = (args: string, input = '') =>
  ottla(args.split(' '), { bootstrap: cluster.bootstrap, input })

interface Described {
  readonly leader: number
  readonly replicas: readonly number[]
  readonly inSyncReplicas: readonly number[]
}
async function partitionsOf(topic: string): Promise<readonly Described[]> {
  const { stdout, stderr, code } = await run(`topics describe ${topic} --json`)
  if (code !== 0) throw new Error(stderr)
  return (JSON.parse(stdout) as { partitions: Described[] }[])[0]!.partitions
}
/** Brokers follow the metadata each by itself. */
function shown(topic: string, isShown: (one: Described) => boolean): Promise<void> {
  const ask = async (): Promise<boolean> => (await partitionsOf(topic)).every(isShown)
  return eventually(ask, `${topic} to be as it should be`)
}

describe('replicas', () => {
  test('are planned, move, and go back', async () => {
    await run('topics create moved --assignment 1,1,1')
    expect((await run('produce moved --value one')).code).toBe(0)
    const plan = await run('reassign plan moved -r 2')
    const { partitions } = JSON.parse(plan.stdout) as { partitions: { replicas: number[] }[] }
    expect(partitions.map(({ replicas }) => replicas.length)).toEqual([2, 2, 2])
    const executed = await run('reassign execute - --wait', plan.stdout)
    expect(executed).toMatchObject({ code: 0 })
    expect(executed.stdout).toContain('3 of 3 partitions moved')
    await shown('moved', ({ inSyncReplicas }) => inSyncReplicas.length === 2)
    expect((await run('reassign status')).stdout).toBe('No partition is on its way.\n')
    expect((await run('reassign cancel moved')).stdout).toBe('No partition is on its way.\n')
    // What it was before is the end of what it said.
    const file = join(directories.make(), 'back.json')
    writeFileSync(file, executed.stdout.slice(executed.stdout.indexOf('{')))
    expect((await run(`reassign execute ${file} --wait`)).code).toBe(0)
    await shown('moved', ({ replicas }) => replicas.join() === '1')
    expect((await run('consume moved -n 1')).stdout).toContain('one')
  }, 120_000)

  test('are throttled while they are on their way, and no longer', async () => {
    const ofTopic = async (): Promise<string> =>
      (await run('configs describe topic slow --json')).stdout
    const planTo = (id: number): string =>
      `{"version":1,"partitions":[{"topic":"slow","partition":0,"replicas":[${id}]}]}`
    await run('topics create slow --assignment 1')
    expect((await run('produce slow --value one')).code).toBe(0)
    const held = await run('reassign execute - --throttle 0', planTo(2))
    expect(held).toMatchObject({ code: 0 })
    expect(held.stderr).toContain('It is throttled until ottla reassign status finds')
    const both =
      /^(?=.*follower.replication.throttled.replicas[^}]*0:2)(?=.*leader.replication.throttled.replicas[^}]*0:1)/s
    await eventually(async () => both.test(await ofTopic()), 'the throttles of both sides')
    // As long as something is on its way, throttles stay.
    const status = await run('reassign status')
    expect([status.stderr, status.stdout]).toEqual(['', expect.stringMatching(/^slow +0 +2 /m)])
    const kept = await run('reassign cancel slow --preserve-throttles')
    expect(kept).toMatchObject({ code: 0, stderr: '' })
    const over = await run('reassign status slow')
    expect(over.stdout).toBe('No partition is on its way.\n')
    expect(over.stderr).toBe('Took back the throttles of slow, and of the brokers 1, 2.\n')
    await eventually(async () => !(await ofTopic()).includes('throttled'), 'no throttles')
    const moved = await run('reassign execute - --throttle 1000000 --wait', planTo(3))
    expect(moved).toMatchObject({ code: 0 })
    expect(moved.stderr).toContain('Took back the throttles of slow, and of the brokers 1, 3.\n')
    expect((await run('consume slow -n 1')).stdout).toContain('one')
  }, 120_000)

  test('that are throttled as a whole stay so, whatever has moved', async () => {
    await run('topics create whole --assignment 1')
    await run('configs alter topic whole --set follower.replication.throttled.replicas=*')
    await run('configs alter broker 1 --set follower.replication.throttled.rate=5000000')
    expect((await run('reassign status')).stderr).toBe('')
    await eventually(
      async () => (await run('configs describe broker 1')).stdout.includes('5000000'),
      'the rate to be kept',
    )
    await run('topics delete whole')
  }, 120_000)

  test('that can not move are told of, and of a plan nothing else is lost', async () => {
    await run('topics create kept --assignment 1')
    const plan =
      '{"version":1,"partitions":[{"topic":"kept","partition":0,"replicas":[2]},{"topic":"kept","partition":7,"replicas":[2]}]}'
    const refused = await run('reassign execute - --wait', plan)
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('kept:7: Unable to find partition kept:7.')
    await shown('kept', ({ replicas }) => replicas.join() === '2')
    expect((await run('reassign plan kept -r 4')).stderr).toContain('do not fit on 3 brokers')
    for (const named of ['--to 1,9', '--without 9']) {
      const { stderr } = await run(`reassign plan kept ${named}`)
      expect(stderr).toContain('There is no broker 9')
      expect(stderr).toContain('The cluster has: 1, 2, 3')
    }
    expect((await run('reassign plan kept --to 2')).stderr).toContain('nothing to move')
  }, 120_000)
})

describe('leaders', () => {
  test('are elected, the first of the replicas where that is in sync', async () => {
    await run('topics create led --assignment 1:2')
    await shown('led', ({ inSyncReplicas }) => inSyncReplicas.length === 2)
    expect((await run('elect preferred led')).stdout).toBe('No partition needed an election.\n')
    const turned = '{"version":1,"partitions":[{"topic":"led","partition":0,"replicas":[2,1]}]}'
    expect((await run('reassign execute -', turned)).code).toBe(0)
    await shown('led', ({ replicas, leader }) => replicas.join() === '2,1' && leader === 1)
    const elected = await run('elect preferred led:0')
    expect([elected.code, elected.stdout]).toEqual([0, expect.stringMatching(/^led +0 +elected$/m)])
    await shown('led', ({ leader }) => leader === 2)
    const missing = await run('elect preferred led:4')
    expect(missing).toMatchObject({ code: 1 })
    expect(missing.stdout).toContain('No such partition as led-4')
  }, 120_000)

  test('are elected unclean only where that is said of partitions, or of all', async () => {
    expect(await run('elect unclean')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('say --all') as string,
    })
    expect((await run('elect unclean --all')).stdout).toBe('No partition needed an election.\n')
    expect((await run('elect unclean nowhere')).stderr).toContain('UNKNOWN_TOPIC_OR_PARTITION')
  }, 120_000)
})
