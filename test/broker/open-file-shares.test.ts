import { LEAST_OPEN_FILES, shareOpenFiles } from '../../src/broker/open-file-shares.ts'

const single = { clients: true, controllers: false }
const both = { clients: true, controllers: true }
const controller = { clients: false, controllers: true }

test('logs and connections share what the limit of open files leaves', () => {
  const none = { controllerConnections: 0 }
  expect(shareOpenFiles(4096, single)).toEqual({ logFiles: 1920, connections: 1920, ...none })
  expect(shareOpenFiles(1_048_576, single)).toEqual({
    logFiles: 32_768,
    connections: 1_015_552,
    ...none,
  })
  for (const limit of [LEAST_OPEN_FILES, 1024, 4096, 20_000]) {
    for (const listening of [single, both, controller]) {
      const { logFiles, connections, controllerConnections } = shareOpenFiles(limit, listening)!
      const sockets = connections + controllerConnections
      expect(logFiles + sockets).toBeLessThan(limit)
      expect(sockets).toBeGreaterThanOrEqual(64)
    }
  }
})

test('clients leave the controllers their own connections', () => {
  expect(shareOpenFiles(4096, both)).toMatchObject({
    connections: 1680,
    controllerConnections: 240,
  })
  expect(shareOpenFiles(LEAST_OPEN_FILES, both)).toMatchObject({
    connections: 48,
    controllerConnections: 16,
  })
  expect(shareOpenFiles(4096, controller)).toMatchObject({ connections: 0 })
})

test('a limit that is too low for any broker is refused, an unknown one is not', () => {
  expect(shareOpenFiles(LEAST_OPEN_FILES - 1, single)).toBeNull()
  expect(shareOpenFiles(null, both)).toEqual({
    logFiles: 2048,
    connections: Infinity,
    controllerConnections: Infinity,
  })
})
