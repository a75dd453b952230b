import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describeWithApache, killApache, NEWEST } from '../interchange/apache.ts'
import { killAll } from '../support/broker-process.ts'
import { freePorts } from '../support/ports.ts'
import { quickJava } from '../support/quick-java.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { Controllers, IDS } from './controllers.ts'

const APACHE = 3
const { make, removeAll } = temporaryDirectories()
afterAll(async () => {
  await killAll()
  await killApache()
  removeAll()
})

/** Standard output of one of Apache's tools, its runs of blanks as one. */
async function tool(name: string, port: number, ...args: string[]): Promise<string> {
  const bootstrap = ['--bootstrap-controller', `127.0.0.1:${port}`]
  const command = ['-Xmx256m', ...quickJava(NEWEST.jars)]
  command.push(`org.apache.kafka.tools.${name}`, ...bootstrap, ...args)
  return (await promisify(execFile)('java', command)).stdout.replace(/[ \t]+/g, ' ')
}

describeWithApache('a controller of Apache Kafka’s beside two of Ottla’s', () => {
  test('votes, follows, leads and is followed; all have one log, and Apache’s tools describe the quorum', async () => {
    const controllers = new Controllers(await freePorts(IDS.length), IDS.map(make))
    await controllers.formatStatic(1, 2)
    await Promise.all([controllers.start(1), controllers.start(2)])
    await controllers.change()
    let logged = await controllers.startApache(APACHE)
    await controllers.caughtUp()
    const first = await controllers.leader()
    const status = await tool(
      'MetadataQuorumCommand',
      controllers.portOf(first),
      'describe',
      '--status',
    )
    expect(status).toMatch(/^LeaderId: +[123]$/m)
    for (const id of IDS) {
      expect(status).toContain(
        `{"id": ${id}, "endpoints": ["CONTROLLER://127.0.0.1:${controllers.portOf(id)}"]}`,
      )
    }
    const replication = await tool(
      'MetadataQuorumCommand',
      controllers.portOf(first),
      'describe',
      '--replication',
    )
    expect(replication.match(/ (Leader|Follower)/g)).toHaveLength(3)
    expect(logged()).not.toMatch(/ ERROR /)
    // Until Apache's has the lead: whoever else has it is killed.
    for (let tries = 0; (await controllers.leader()) !== APACHE; tries++) {
      if (tries === 15) throw new Error(`It never led: ${logged()}`)
      const leader = await controllers.leader()
      if (leader === APACHE) break
      await controllers.kill(leader)
      await controllers.change()
      await controllers.start(leader)
      await controllers.change()
    }
    await controllers.change()
    expect(logged()).not.toMatch(/ FATAL |fault handler/)
    await controllers.kill(APACHE)
    await controllers.change()
    const next = await controllers.leader()
    expect(next).not.toBe(APACHE)
    logged = await controllers.startApache(APACHE)
    await controllers.change()
    await controllers.caughtUp()
    const [one, ...others] = IDS.map((id) => controllers.logOf(id))
    for (const other of others) expect(other.equals(one!)).toBe(true)
    // Apache's tool has Ottla's leader name the voters in the log, with the disks that they have told, Apache's own among them.
    await controllers.mayRaise()
    const port = controllers.portOf(await controllers.leader())
    const raised = await tool('FeatureCommand', port, 'upgrade', '--feature', 'kraft.version=1')
    expect(raised).toContain('kraft.version was upgraded to 1.')
    const { currentVoters } = await controllers.described()
    const disks = currentVoters.map(({ replicaId, replicaDirectoryId }) => {
      return [replicaId, replicaDirectoryId === controllers.directoryOf(replicaId)]
    })
    expect(disks.sort()).toEqual(IDS.map((id) => [id, true]))
    await controllers.kill(await controllers.leader())
    await controllers.change()
    expect(logged()).not.toMatch(/ FATAL |fault handler/)
  }, 900_000)
})
