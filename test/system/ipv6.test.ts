import { networkInterfaces } from 'node:os'
import { startBroker } from '../../src/index.ts'
import { ottla } from '../bin/command.ts'
import { killAll, startProcess } from '../support/broker-process.ts'
import { temporaryDirectories } from '../support/temporary.ts'

const directories = temporaryDirectories()
afterAll(async () => {
  await killAll()
  directories.removeAll()
})

const hasIpv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === '::1'),
)
const withIpv6 = hasIpv6 ? test : test.skip

withIpv6('a broker on an IPv6 address says where it is as clients take it', async () => {
  const broker = await startBroker({ settings: { listeners: 'PLAINTEXT://[::1]:0' } })
  try {
    expect(broker).toMatchObject({ host: '::1', bootstrap: `[::1]:${broker.port}` })
    const made = await ottla(['topics', 'create', 'six', '-b', broker.bootstrap])
    expect(made).toMatchObject({ code: 0, stderr: '' })
  } finally {
    await broker.close()
  }
})

withIpv6('the line that says that it is ready has brackets, and so has one in vain', async () => {
  const settings = { listeners: 'PLAINTEXT://[::1]:0', 'log.dirs': directories.make() }
  const process = await startProcess(settings)
  expect(process.stdout).toBe(`ottla ready on [::1]:${process.port}\n`)
  const listeners = `PLAINTEXT://[::1]:${process.port}`
  const second = startBroker({ settings: { listeners } })
  await expect(second).rejects.toThrow(`${listeners} can't be listened on`)
  process.kill('SIGTERM')
  await process.ended()
})
