import { ottla } from '../bin/command.ts'
import { killAll } from '../support/broker-process.ts'
import { freePorts } from '../support/ports.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { Controllers, IDS } from './controllers.ts'

const { make, removeAll } = temporaryDirectories()
afterAll(async () => {
  await killAll()
  removeAll()
})

test.each([
  ['by their settings', false],
  ['by their directories', true],
])(
  'three controllers, voters %s, elect a leader, survive that it is killed, three times, and have one log in the end',
  async (_, isFormatted) => {
    const directories = IDS.map(make)
    const controllers = new Controllers(await freePorts(IDS.length), directories)
    if (isFormatted) await controllers.format()
    await Promise.all(IDS.map((id) => controllers.start(id)))
    await controllers.change()
    for (let round = 0; round < 3; round++) {
      const before = await controllers.leader()
      await controllers.kill(before)
      await controllers.change()
      expect(await controllers.leader()).not.toBe(before)
      await controllers.start(before)
      await controllers.change()
    }
    await controllers.caughtUp()
    const logs = IDS.map((id) => controllers.logOf(id))
    // A leader that has nothing to do writes a record all the same, which may come between the first and the last of them.
    const least = Math.min(...logs.map(({ length }) => length))
    const [first, ...others] = logs.map((log) => log.subarray(0, least))
    for (const log of others) expect(log.equals(first!)).toBe(true)
    // Who led first, its bootstrap records, and seven changes in four epochs at least.
    expect(least).toBeGreaterThan(500)
  },
  120_000,
)

test('controllers whose voters the settings name are raised by the command to name them with their disks, through fail-over', async () => {
  const controllers = new Controllers(await freePorts(IDS.length), IDS.map(make))
  await controllers.formatStatic(...IDS)
  await Promise.all(IDS.map((id) => controllers.start(id)))
  const disks = async (): Promise<string[]> => {
    const { currentVoters } = await controllers.described()
    const sorted = [...currentVoters].sort((one, other) => one.replicaId - other.replicaId)
    return sorted.map(({ replicaDirectoryId }) => replicaDirectoryId)
  }
  await controllers.mayRaise()
  const first = await controllers.leader()
  const at = ['--bootstrap-controller', `127.0.0.1:${controllers.portOf(first)}`]
  const raised = await ottla(['features', 'upgrade', '--feature', 'kraft.version=1', ...at])
  expect(raised).toMatchObject({ code: 0, stdout: 'The cluster is at kraft.version=1.\n' })
  const own = IDS.map((id) => controllers.directoryOf(id))
  expect(await disks()).toEqual(own)
  await controllers.kill(first)
  await controllers.change()
  expect(await disks()).toEqual(own)
}, 120_000)
