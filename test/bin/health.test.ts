import { createServer } from 'node:net'
import { startBroker, type RunningBroker } from '../../src/index.ts'
import { freePorts } from '../support/ports.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { ottla } from './command.ts'

const directories = temporaryDirectories()
let broker: RunningBroker
beforeAll(async () => {
  broker = await startBroker({ directory: directories.make() })
})
afterAll(async () => {
  await broker?.close()
  directories.removeAll()
})

const PROTOCOLS = 'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,EXTERNAL:PLAINTEXT,SSL:SSL'
const health = (listeners: string) =>
  ottla(['health', ...[`listeners=${listeners}`, PROTOCOLS].flatMap((one) => ['--set', one])])

test('A node is well that answers wherever its settings say that it listens', async () => {
  const port = Number(broker.bootstrap.split(':')[1])
  const [other] = await freePorts(1)
  expect(await health(`PLAINTEXT://127.0.0.1:${port}`)).toEqual({ code: 0, stdout: '', stderr: '' })
  expect(await health(`PLAINTEXT://:${port}`)).toMatchObject({ code: 0 })
  const { code, stderr } = await health(
    `PLAINTEXT://127.0.0.1:${port},EXTERNAL://127.0.0.1:${other}`,
  )
  expect([code, stderr]).toEqual([1, expect.stringContaining(`listens on 127.0.0.1:${other}`)])
})

test('A listener with TLS has to be there', async () => {
  const port = Number(broker.bootstrap.split(':')[1])
  const [other, silent] = await freePorts(2)
  const server = createServer().listen(silent, '127.0.0.1')
  const withTls = (there: number) =>
    health(`PLAINTEXT://127.0.0.1:${port},SSL://127.0.0.1:${there}`)
  expect(await withTls(silent!)).toMatchObject({ code: 0, stderr: '' })
  expect(await withTls(other!)).toMatchObject({ code: 1 })
  server.close()
})

test('A node whose ports the system chooses can not be asked', async () => {
  const { code, stderr } = await health('PLAINTEXT://127.0.0.1:0')
  expect([code, stderr]).toEqual([1, expect.stringContaining('where it listens')])
})
