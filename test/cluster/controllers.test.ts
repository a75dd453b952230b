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
    for (const log of logs.slice(1)) expect(log.equals(logs[0]!)).toBe(true)
    // Who led first, its bootstrap records, and seven changes in four epochs at least.
    expect(logs[0]!.length).toBeGreaterThan(500)
  },
  120_000,
)
